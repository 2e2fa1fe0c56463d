// class: super and the home object
// tries: to climb from a lent object as the home of a method
// canary: the secret in the parent's environment
// expected: error TypeError: engine error
// control: vm, fires secret

exports.attack = (file, name) => {
  const climber = { __proto__: System.files, up: () => 0, climb() { return super.constructor.constructor('return process')() } }
  return climber.climb().env[name]
}
