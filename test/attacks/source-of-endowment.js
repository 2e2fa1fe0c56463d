// class: texts of the host
// tries: to read the source of what the host lends
// canary: the host's source in the outcome
// expected: result "function () { [contract code] }"
// control: vm, fires told readFileSync

exports.attack = () => System.files.readFile.toString()
