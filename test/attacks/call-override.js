// class: Function.prototype.call (vm2 category 11)
// tries: to stand between the host and its own functions
// canary: the prototypes of the realm
// expected: error TypeError: engine error
// control: eval, fires shared

exports.attack = () => {
  const { call } = (() => {}).constructor.prototype
  Object.getPrototypeOf(() => {}).call = function (...all) { return Reflect.apply(call, this, all) }
}
