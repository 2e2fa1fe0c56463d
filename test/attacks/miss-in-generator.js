// class: abort and rerun
// tries: to go on in the finally of a generator that the abort closes
// canary: the same outcome whether the datum is at hand or not
// expected: result ["seed","closed"]
// control: naive, fires miss

exports.attack = async () => {
  const told = []
  const turns = function* () {
    try { yield 1 } finally { told.push('closed') }
  }
  try {
    for (const turn of turns()) told.push(await System.files.readFile('/seed'))
  } catch {}
  return told
}
