// class: getter tricks
// tries: to say no when it is asked for its length to charge, and yes when it is spread
// canary: gas, and the honest contract behind it
// expected: error OutOfGasError: the call used more than 1000000 gas
// control: none: the engine alone asks once

exports.attack = () => {
  let asked = 0
  const list = { length: 9007199254740991 }
  Object.defineProperty(list, Symbol.isConcatSpreadable, { get: () => asked++ > 0 })
  return [].concat(list).length
}
