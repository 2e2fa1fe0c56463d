// class: state beside the state
// tries: to remember something in the module until the next call
// canary: the outcome of the second call
// expected: result 1
// control: eval, fires state

const seen = []
exports.attack = () => seen.push(1)
