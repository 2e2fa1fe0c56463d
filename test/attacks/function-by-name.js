// class: Function
// tries: to make a function from text
// canary: the secret in the parent's environment
// expected: refused Function does not exist in runtime 1
// control: function, fires secret

exports.attack = (file, name) => new Function('name', 'return process.env[name]')(name)
