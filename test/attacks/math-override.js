// class: globals of the realm
// tries: to foretell the random numbers of the other contracts
// canary: the honest contract
// expected: error TypeError: engine error
// control: eval, fires shared

exports.attack = () => {
  Math.random = () => 4
}
