// class: escapes in names
// tries: to spell eval so that no search for the word finds it
// canary: the secret in the parent's environment
// expected: refused eval is not in runtime 1
// control: eval, fires secret

exports.attack = (file, name) => \u0065v\u{61}l('process.env[name]')
