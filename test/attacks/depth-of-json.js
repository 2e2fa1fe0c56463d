// class: stack overflow in natives
// tries: to nest a result so deep that making it text overflows
// canary: the honest contract
// expected: error ResultNotSerializableError: nested too deeply for JSON
// control: function, fires told Maximum call stack

exports.attack = () => {
  let deep = []
  for (let i = 0; i < 50000; i++) deep = [deep]
  return deep
}
