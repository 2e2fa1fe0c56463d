// class: shared settings of the engine
// tries: to switch the stacks of everybody off
// canary: the limit is another afterwards
// expected: error TypeError: engine error
// control: function, fires shared

exports.attack = () => {
  Error.stackTraceLimit = 0
}
