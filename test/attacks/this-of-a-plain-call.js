// class: leaks of this
// tries: to get the global object as this of a function that is called plainly
// canary: the secret in the parent's environment
// expected: error TypeError: engine error
// control: function, fires secret

exports.attack = (file, name) => (function () { return this.process })().env[name]
