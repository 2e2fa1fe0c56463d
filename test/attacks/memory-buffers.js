// class: memory outside of the heap
// tries: to copy a buffer for nothing, by taking its constructor away
// canary: gas
// expected: error OutOfGasError: the call used more than 1000000 gas
// control: function, fires memory

exports.attack = () => {
  const { buffer } = new Uint8Array(4000000)
  Object.defineProperty(buffer, 'constructor', { value: undefined })
  const kept = []
  for (let i = 0; i < 100; i++) kept.push(new Uint8Array(buffer.slice(0)).fill(1))
  return kept.length
}
