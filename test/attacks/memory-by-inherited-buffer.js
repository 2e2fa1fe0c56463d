// class: memory outside of the heap
// tries: to have bytes made of what inherits from a buffer and says it is long
// canary: gas
// expected: error TypeError: an array of integers is made from a number, a list or a buffer
// control: function, fires time

exports.attack = () => {
  const { prototype } = new Uint8Array(1).buffer.constructor
  const claim = Object.create(prototype, { length: { value: 300000000 } })
  new Uint8Array(claim).fill(1)
  return 1
}
