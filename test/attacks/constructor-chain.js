// class: constructor.constructor (vm2 category 1)
// tries: to make a function from text by way of the constructor of the constructor of any object
// canary: the secret in the parent's environment
// expected: error TypeError: engine error
// control: eval, fires secret

exports.attack = (file, name) => ({}).constructor.constructor('name', 'return process.env[name]')(name)
