// class: host functions as endowments (vm2 category 1)
// tries: to reach the host's Function from a function that the host lends
// canary: the secret in the parent's environment
// expected: error TypeError: engine error
// control: vm, fires secret

exports.attack = (file, name) =>
  System.now.constructor('return process')().env[name]
