// class: re-entrancy while the meter rests
// tries: to run inside of an operation of the host, from the iterator of what looks like bytes
// canary: gas counts as much as steps were taken
// expected: result ["TypeError","TypeError","TypeError",0]
// control: none: the naive host does not copy what it is given

exports.attack = async () => {
  let steps = 0
  const count = () => { steps++; return 0 }
  const bytes = Object.create(Uint8Array.prototype, { length: { get: count }, [Symbol.iterator]: { get: count } })
  const told = []
  const tries = [() => System.files.writeFile('/a', bytes), () => System.crypto.hash(bytes), () => System.crypto.verify(bytes, '', '')]
  for (const attempt of tries) try { await attempt() } catch (error) { told.push(error.name) }
  return [...told, steps]
}
