// class: constructors of promise combinators
// tries: to be told the engine's own words when the iteration of Promise.all fails
// canary: words of the engine in the outcome
// expected: result "none"
// control: eval, fires told not iterable

exports.attack = async () => {
  let told = 'none'
  const Listening = function (run) { run(() => 0, reason => { told = reason.message }); this.then = () => 0 }
  Listening.resolve = value => value
  for (const name of ['all', 'any', 'race', 'allSettled']) {
    const given = Promise[name].call(Listening, 5)
    if (given instanceof Promise) given.catch(() => 0)
  }
  for (let i = 0; i < 10; i++) await null
  return told
}
