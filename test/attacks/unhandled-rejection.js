// class: unhandled rejections (vm2 category 22)
// tries: to end the process by a rejection that nobody handles
// canary: the process
// expected: result 1
// control: eval, fires crash

exports.attack = () => {
  Promise.reject(new Error('nobody'))
  return 1
}
