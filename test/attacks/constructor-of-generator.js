// class: constructors of the other kinds of functions (vm2 #192)
// tries: to make a generator from text
// canary: the secret in the parent's environment
// expected: error TypeError: engine error
// control: eval, fires secret

exports.attack = (file, name) =>
  Object.getPrototypeOf(function* () {}).constructor('name', 'yield process.env[name]')(name).next().value
