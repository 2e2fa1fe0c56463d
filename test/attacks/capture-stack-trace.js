// class: Error.captureStackTrace (vm2)
// tries: to have the stack of the host written into an object
// canary: paths of the host in the outcome
// expected: error TypeError: engine error
// control: eval, fires told attack-control

exports.attack = () => {
  const told = {}
  Error.captureStackTrace(told)
  return told.stack
}
