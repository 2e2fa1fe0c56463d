// class: texts of the engine
// tries: to read where the host lies from the stack of an error
// canary: paths of the host in the outcome
// expected: result [""," engine error"]
// control: eval, fires told attack-control

exports.attack = () => {
  try {
    null.x
  } catch (error) {
    return [new Error('x').stack, `${error.stack} ${error.message}`]
  }
}
