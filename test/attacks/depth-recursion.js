// class: stack overflow (vm2 #197, SES evaluators)
// tries: to fill the stack and catch the error that the engine makes of it
// canary: the honest contract, words of the engine
// expected: error TooDeepError: calls are nested more than 128 deep
// control: function, fires told Maximum call stack

exports.attack = () => {
  const deeper = () => { try { return deeper() } catch (error) { return error.message } }
  return deeper()
}
