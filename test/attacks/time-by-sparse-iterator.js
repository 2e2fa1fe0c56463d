// class: time that gas does not see
// tries: to spread the iterator of an empty list of four thousand million
// canary: the other ledgers of the process
// expected: error OutOfGasError: the call used more than 1000000 gas
// control: none: an engine without a meter dies of it, and takes the machine's memory with it

exports.attack = () => {
  const sparse = []
  const walk = sparse.values()
  sparse.length = 4294967295
  return new Set(walk).size
}
