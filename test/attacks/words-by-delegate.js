// class: async generators (vm2, CVE-2026-45411)
// tries: to be told the engine's own words by the throw method of an iterator that is delegated to
// canary: words of the engine in the outcome
// expected: result "engine error"
// control: eval, fires told Cannot read properties

exports.attack = async () => {
  let told
  const delegate = {
    [Symbol.asyncIterator]() { return this },
    next: () => ({ value: 1, done: false }),
    throw(reason) { told = reason.message; return { done: true } }
  }
  const generator = (async function* () { yield* delegate })()
  await generator.next()
  await generator.return((async () => null.x)())
  return told
}
