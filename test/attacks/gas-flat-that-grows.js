// class: unmetered natives, mutated while they run
// tries: to make a list longer while it is flattened
// canary: gas, and the honest contract behind it
// expected: result 2
// control: none: the engine's own flat reads the length once; it was ours that did not

exports.attack = () => {
  const list = [0, 1]
  Object.defineProperty(list, 0, { get() { list.length = 4294967295; return 0 } })
  return list.flat().length
}
