// class: floods of the operator
// tries: to fill the operator's log
// canary: lines of the log
// expected: error OutOfGasError: the call used more than 1000000 gas
// control: eval, fires log

exports.attack = () => {
  for (let i = 0; i < 200000; i++) console.log('flood', i)
}
