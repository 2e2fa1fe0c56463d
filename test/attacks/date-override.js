// class: globals of the realm
// tries: to set the clock of the other contracts
// canary: the honest contract
// expected: error TypeError: engine error
// control: eval, fires shared

exports.attack = () => {
  Date.now = () => 0
}
