// class: time that gas does not see
// tries: to compare long texts again and again
// canary: the other ledgers of the process
// expected: error OutOfGasError: the call used more than 1000000 gas
// control: function, fires time

exports.attack = () => {
  let text = 'x'
  for (let i = 0; i < 22; i++) text += text
  const one = `${text}a`
  const two = `${text}b`
  let same = 0
  for (let i = 0; i < 900000; i++) if (one === two) same++
  return same
}
