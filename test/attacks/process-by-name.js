// class: globals of Node
// tries: to use process
// canary: the secret in the parent's environment
// expected: refused process does not exist in runtime 1
// control: eval, fires secret

exports.attack = (file, name) => process.env[name]
