// class: memory outside of the heap
// tries: to say another size to the engine than to the meter
// canary: gas
// expected: error OutOfGasError: the call used more than 1000000 gas
// control: none: the engine alone asks once

exports.attack = () => {
  const Buffer = new Uint8Array(1).buffer.constructor
  let asked = 0
  const size = { valueOf: () => (asked++ ? 60000000 : 8), [Symbol.iterator]: true }
  return [new Buffer(size).byteLength, new Buffer(size).byteLength]
}
