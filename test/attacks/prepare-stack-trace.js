// class: Error.prepareStackTrace (vm2 category 19)
// tries: to see the frames of the host by way of a stack of its own
// canary: paths of the host in the outcome
// expected: error TypeError: engine error
// control: eval, fires told attack-control

exports.attack = () => {
  Error.prepareStackTrace = (error, frames) => frames.map(frame => frame.getFileName()).join()
  return new Error('x').stack
}
