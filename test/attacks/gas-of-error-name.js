// class: gas while an error is read
// tries: to run for ever while the host reads the name of what it threw
// canary: gas, and the honest contract behind it
// expected: error OutOfGasError: the call used more than 1000000 gas
// control: function, fires time

exports.attack = () => {
  const error = new Error('x')
  Object.defineProperty(error, 'name', { get() { for (;;); } })
  throw error
}
