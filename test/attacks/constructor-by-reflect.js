// class: Reflect.construct and newTarget (vm2, SES)
// tries: to call the function constructor with another target
// canary: the secret in the parent's environment
// expected: error TypeError: engine error
// control: eval, fires secret

exports.attack = (file, name) => {
  const make = Object.getPrototypeOf(() => {}).constructor
  return Reflect.construct(make, ['name', 'return process.env[name]'], Object)(name)
}
