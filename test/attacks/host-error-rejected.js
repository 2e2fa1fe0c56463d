// class: errors of the host by promises (vm2 category 7)
// tries: to take the host's error from a rejection instead of a catch
// canary: the secret in the parent's environment
// expected: error TypeError: engine error
// control: vm, fires secret

exports.attack = (file, name) =>
  System.files.readFile('/none').then(null, error =>
    error.constructor.constructor('return process')().env[name])
