// class: gas outside of function bodies
// tries: to loop in a default parameter and in a destructured one
// canary: gas, and the honest contract behind it
// expected: error OutOfGasError: the call used more than 1000000 gas
// control: function, fires time

exports.attack = (file, name, { again = (() => { for (;;); })() } = {}) => again
