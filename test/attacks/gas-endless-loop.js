// class: gas
// tries: to run for ever
// canary: gas, and the honest contract behind it
// expected: error OutOfGasError: the call used more than 1000000 gas
// control: function, fires time

exports.attack = () => {
  for (;;);
}
