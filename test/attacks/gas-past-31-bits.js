// class: gas past 2^31
// tries: to be charged so much that the count turns over
// canary: gas
// expected: error OutOfGasError: the call used more than 1000000 gas
// control: none: without a meter there is no count

exports.attack = () => {
  try { 'x'.repeat(4294967296) } catch {}
  try { 'x'.padStart(9007199254740991) } catch {}
  try { Array.from({ length: 4294967297 }) } catch {}
  return 1
}
