// class: direct eval (SES)
// tries: to run a text in the scope of the host
// canary: the secret in the parent's environment
// expected: refused eval is not in runtime 1
// control: eval, fires secret

exports.attack = (file, name) => eval('process.env[name]')
