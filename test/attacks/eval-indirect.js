// class: indirect eval
// tries: to run a text in the scope of the realm
// canary: the secret in the parent's environment
// expected: refused eval is not in runtime 1
// control: function, fires secret

exports.attack = (file, name) => (0, eval)('process').env[name]
