// class: dynamic import (vm2 category 13)
// tries: to import a module of the host
// canary: the secret in the parent's environment
// expected: refused import and export
// control: eval, fires secret

exports.attack = async (file, name) => (await import('node:process')).default.env[name]
