// class: gas and labels
// tries: to jump around what counts the turns of a loop
// canary: gas, and the honest contract behind it
// expected: error OutOfGasError: the call used more than 1000000 gas
// control: function, fires time

exports.attack = () => {
  around: for (;;) {
    inside: do { continue around } while (true)
  }
}
