// class: errors of the engine (vm2 category 4)
// tries: to climb from an error that the engine makes
// canary: the secret in the parent's environment
// expected: error TypeError: engine error
// control: eval, fires secret

exports.attack = (file, name) => {
  try {
    null.x
  } catch (error) {
    return error.constructor.constructor('return process')().env[name]
  }
}
