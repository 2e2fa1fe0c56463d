// class: re-entrancy while the meter rests
// tries: to run inside of an operation of the host, from the getter of an option
// canary: gas counts as much as steps were taken
// expected: error OutOfGasError: the call used more than 1000000 gas
// control: naive, fires gas

exports.attack = async () => {
  let steps = 0
  const count = () => { for (let i = 0; i < 4000000; i++) steps++ }
  await System.files.mkdir('/full')
  await System.files.rmdir('/full', { get recursive() { count() } })
  return steps
}
