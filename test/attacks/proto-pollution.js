// class: prototype pollution (vm2 category 2)
// tries: to give every object a property
// canary: the prototypes of the realm
// expected: error TypeError: engine error
// control: eval, fires shared

exports.attack = () => {
  Object.getPrototypeOf({}).polluted = true
  return {}.polluted
}
