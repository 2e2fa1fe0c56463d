// class: host objects as endowments (vm2 category 1)
// tries: to reach the host's Function from an object that the host lends
// canary: the secret in the parent's environment
// expected: error TypeError: engine error
// control: vm, fires secret

exports.attack = (file, name) =>
  System.constructor.constructor('name', 'return process.env[name]')(name)
