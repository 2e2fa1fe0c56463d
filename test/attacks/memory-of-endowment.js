// class: state beside the state
// tries: to remember something on what the host lends
// canary: the outcome of the second call, and the endowments
// expected: error TypeError: engine error
// control: eval, fires shared

exports.attack = () => {
  System.ledger.memory = 1
  System.memory = 1
}
