// class: descriptors by inheritance (vm2 categories 2 and 14)
// tries: to slip a getter into every descriptor that others write
// canary: the prototypes of the realm
// expected: error TypeError: engine error
// control: eval, fires shared

exports.attack = () => {
  Object.defineProperty(Object.prototype, 'get', { value: () => 'stolen', configurable: true })
}
