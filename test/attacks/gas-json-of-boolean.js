// class: natives under the wrapped ones
// tries: to have the engine itself make text of a large value that a boolean claims to be
// canary: gas, and the honest contract
// expected: error TypeError: engine error
// control: none: the engine's own JSON walks the value in any case

exports.attack = () => {
  let deep = []
  for (let i = 0; i < 20000; i++) deep = [deep]
  return Object.create(Boolean.prototype, { valueOf: { value: () => deep } })
}
