// class: property descriptors (vm2 category 15)
// tries: to take the getter of a lent property and its constructor
// canary: the secret in the parent's environment
// expected: error TypeError: engine error
// control: vm, fires secret

exports.attack = (file, name) => {
  const { get } = Object.getOwnPropertyDescriptor(System, 'caller')
  return get.constructor('return process')().env[name]
}
