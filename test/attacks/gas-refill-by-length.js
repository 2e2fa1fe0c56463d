// class: gas below zero
// tries: to be charged a negative length, and so to be given gas
// canary: gas counts as much as steps were taken
// expected: result 600000
// control: naive, fires gas

exports.attack = () => {
  const refill = Object.create(Uint8Array.prototype, {
    length: { value: -3000000 },
    [Symbol.iterator]: { value: function* () {} }
  })
  Object.fromEntries(refill)
  let steps = 0
  for (; steps < 600000; steps++) if (steps % 100000 === 0) Array.from(refill)
  new Map(refill)
  return steps
}
