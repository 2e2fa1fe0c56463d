// class: time that gas does not see
// tries: to have large empty lists made again and again, one gas each
// canary: the other ledgers of the process
// expected: error OutOfGasError: the call used more than 1000000 gas
// control: function, fires time

exports.attack = () => {
  let length = 0
  for (let i = 0; i < 900000; i++) length += new Array(30000000).length
  return length
}
