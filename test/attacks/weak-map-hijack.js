// class: WeakMap (vm2 #444)
// tries: to stand between the host and the map of its secrets
// canary: the prototypes of the realm
// expected: error TypeError: engine error
// control: eval, fires shared

exports.attack = () => {
  const { set } = WeakMap.prototype
  WeakMap.prototype.set = function (key) { return set.call(this, key, key) }
}
