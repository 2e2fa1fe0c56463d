// class: stack overflow outside of bodies
// tries: to nest constructors that nobody wrote
// canary: the honest contract
// expected: error TooDeepError: calls are nested more than 128 deep
// control: function, fires told Maximum call stack

exports.attack = () => {
  let Deep = class {}
  for (let i = 0; i < 20000; i++) Deep = class extends Deep { field = [] }
  return new Deep()
}
