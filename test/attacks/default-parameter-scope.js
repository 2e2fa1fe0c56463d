// class: scopes of parameters
// tries: to use a global of Node where another scope is looked at
// canary: the secret in the parent's environment
// expected: refused process does not exist in runtime 1
// control: eval, fires secret

exports.attack = (file, name, found = process.env[name]) => found
