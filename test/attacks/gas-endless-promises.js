// class: gas
// tries: to keep the microtasks running for ever
// canary: gas, and the honest contract behind it
// expected: error OutOfGasError: the call used more than 1000000 gas
// control: function, fires time

exports.attack = () => {
  const again = () => Promise.resolve().then(again)
  return again()
}
