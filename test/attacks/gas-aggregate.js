// class: unmetered natives
// tries: to aggregate four thousand million errors
// canary: gas, and the honest contract behind it
// expected: error OutOfGasError: the call used more than 1000000 gas
// control: none: an engine without a meter dies of it, and takes the machine's memory with it

exports.attack = () => {
  const sparse = []
  sparse.length = 4294967295
  return new AggregateError(sparse).errors.length
}
