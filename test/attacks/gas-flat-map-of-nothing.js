// class: unmetered natives
// tries: to have an empty list of four thousand million walked
// canary: gas, and the honest contract behind it
// expected: error OutOfGasError: the call used more than 1000000 gas
// control: function, fires time

exports.attack = () => {
  const sparse = []
  sparse.length = 4294967295
  return [1].flatMap(() => sparse).length
}
