// class: Symbol.species of promises (vm2 category 7)
// tries: to be told the engine's own words by the executor of a promise that a handler makes fail
// canary: words of the engine in the outcome
// expected: result "engine error"
// control: eval, fires told Cannot read properties

exports.attack = async () => {
  let told
  class Listening extends Promise {
    constructor(run) {
      super((resolve, reject) => run(resolve, reason => { told = reason.message; reject(reason) }))
    }
  }
  await new Listening(resolve => resolve()).then(() => null.x).catch(() => 1)
  return told
}
