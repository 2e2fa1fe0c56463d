// class: errors of the host (vm2 category 4)
// tries: to catch an error that the host made and climb from it
// canary: the secret in the parent's environment
// expected: error TypeError: engine error
// control: vm, fires secret

exports.attack = async (file, name) => {
  try {
    await System.files.readFile('/none')
  } catch (error) {
    return error.constructor.constructor('return process')().env[name]
  }
}
