// class: constructor.constructor (vm2 category 1)
// tries: to climb from a regular expression and from what it finds
// canary: the secret in the parent's environment
// expected: error TypeError: engine error
// control: eval, fires secret

exports.attack = (file, name) =>
  /a/.exec('a').constructor.constructor('return process')().env[name]
