// class: abort and rerun
// tries: to go on in the return method of an iterator that the abort closes
// canary: the same outcome whether the datum is at hand or not
// expected: result ["seed",1]
// control: naive, fires miss

exports.attack = async () => {
  let closed = 0
  let seed = 'none'
  const turns = { [Symbol.iterator]: () => ({ next: () => ({ done: false }), return: () => { closed++; return {} } }) }
  try {
    for (const turn of turns) { seed = await System.files.readFile('/seed'); break }
  } catch { seed = 'caught' }
  return [seed, closed]
}
