// class: shared iterators
// tries: to stand in every for-of of the realm
// canary: the prototypes of the realm
// expected: error TypeError: engine error
// control: eval, fires shared

exports.attack = () => {
  const shared = Object.getPrototypeOf([][Symbol.iterator]())
  const { next } = shared
  shared.next = function () { return next.call(this) }
}
