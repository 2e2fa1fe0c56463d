// class: unmetered natives
// tries: to make bytes from an empty list of four thousand million
// canary: gas, and the honest contract behind it
// expected: error OutOfGasError: the call used more than 1000000 gas
// control: none: an engine without a meter dies of it, and takes the machine's memory with it

exports.attack = () => {
  const sparse = []
  sparse.length = 4294967295
  return Uint8Array.from(sparse).length
}
