// class: host functions as endowments, NodeVMS's own escape
// tries: to reach the host's Function from console
// canary: the secret in the parent's environment
// expected: error TypeError: engine error
// control: vm, fires secret

exports.attack = (file, name) =>
  console.constructor.constructor('return process')().env[name]
