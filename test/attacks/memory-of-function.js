// class: state beside the state
// tries: to remember something on a function until the next call
// canary: the outcome of the second call
// expected: result 1
// control: eval, fires state

exports.attack = () => {
  exports.attack.count = (exports.attack.count ?? 0) + 1
  return exports.attack.count
}
