// class: constructors of the other kinds of functions (vm2 #192)
// tries: to make an async function from text
// canary: the secret in the parent's environment
// expected: error TypeError: engine error
// control: eval, fires secret

exports.attack = (file, name) =>
  (async () => {}).constructor('name', 'return process.env[name]')(name)
