// class: promises of the host (vm2, CVE-2026-22709)
// tries: to climb from the promise that a lent function gives
// canary: the secret in the parent's environment
// expected: error TypeError: engine error
// control: vm, fires secret

exports.attack = (file, name) =>
  System.files.exists('/').constructor.constructor('return process')().env[name]
