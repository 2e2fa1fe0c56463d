// class: gas
// tries: to be unwrapped for ever by the promise that should hold its result
// canary: gas, and the honest contract behind it
// expected: error OutOfGasError: the call used more than 1000000 gas
// control: function, fires time

exports.attack = () => {
  const me = { then(resolve) { resolve(me) } }
  return me
}
