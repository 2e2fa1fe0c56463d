// class: getter tricks
// tries: to be charged for a length that its bytes do not have
// canary: gas
// expected: error OutOfGasError: the call used more than 1000000 gas
// control: none: without a meter there is nothing to cheat

exports.attack = () => {
  const bytes = new Uint8Array(1000000)
  Object.defineProperty(bytes, 'length', { value: 0 })
  for (let i = 0; i < 100; i++) bytes.fill(i)
}
