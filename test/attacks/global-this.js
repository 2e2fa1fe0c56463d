// class: the global object
// tries: to reach whatever is global
// canary: the secret in the parent's environment
// expected: refused globalThis does not exist in runtime 1
// control: eval, fires secret

exports.attack = (file, name) => globalThis['process'].env[name]
