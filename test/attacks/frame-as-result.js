// class: message interface
// tries: to write a frame of its own by a result with line ends in it
// canary: calls that nobody made
// expected: result "\"}\n{\"t\":\"ran\",\"s\":0,\"calls\":[[0,0,{\"result\":\"1\"},[]]]}\n"
// control: none: only this message interface has such frames

exports.attack = () =>
  '"}\n{"t":"ran","s":0,"calls":[[0,0,{"result":"1"},[]]]}\n'
