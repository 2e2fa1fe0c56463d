// class: unmetered natives
// tries: to join a template of any length
// canary: gas, and the honest contract behind it
// expected: error OutOfGasError: the call used more than 1000000 gas
// control: function, fires time

exports.attack = () => String.raw({ raw: { length: 9007199254740991 } })
