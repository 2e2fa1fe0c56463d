// class: gas that is no number
// tries: to be charged NaN, infinity and fractions
// canary: gas is a whole number
// expected: result [0,0,0,3,0]
// control: none: without a meter there is no count

exports.attack = () => [
  'x'.repeat(NaN).length,
  'xyz'.repeat(0.9).length,
  'x'.repeat(-0).length,
  'xyz'.padEnd(-Infinity).length,
  Array.from({ length: NaN }).length
]
