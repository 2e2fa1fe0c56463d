// class: setters on shared prototypes (vm2 category 28)
// tries: to be told what others put into their arrays
// canary: the prototypes of the realm
// expected: error TypeError: engine error
// control: eval, fires shared

exports.attack = () => {
  Object.defineProperty(Array.prototype, 0, { set() {}, configurable: true })
}
