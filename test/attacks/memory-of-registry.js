// class: state beside the state
// tries: to remember something in the registry of symbols, and on the symbol itself
// canary: the outcome of the second call
// expected: result [true,"undefined","k"]
// control: none: the registry tells nobody what is in it

exports.attack = () => {
  const one = Symbol.for('k')
  try { one.memory = 1 } catch {}
  return [one === Symbol.for('k'), typeof one.memory, Symbol.keyFor(one)]
}
