// class: Reflect.construct and newTarget (SES, realms-shim)
// tries: to get an object of the host's realm from a host function without a prototype
// canary: the secret in the parent's environment
// expected: error TypeError: engine error
// control: vm, fires secret

exports.attack = (file, name) => {
  const target = System.crypto.hash
  target.prototype = undefined
  return Reflect.construct(Array, [], target).constructor.constructor('return process')().env[name]
}
