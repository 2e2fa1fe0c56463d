// class: error generation primitive (vm2)
// tries: to make the formatting of a stack fail inside the host
// canary: texts of the host in the outcome
// expected: result ["string",""]
// control: none: since Node 20 the text of a stack is made when the error is, before its name can be changed

exports.attack = () => {
  const error = new Error('x')
  Object.defineProperty(error, 'name', { value: Symbol('name') })
  return [typeof error.stack, error.stack]
}
