// class: Symbol.species of promises (vm2 category 7)
// tries: the same with an ordinary promise that is given another constructor
// canary: words of the engine in the outcome
// expected: result "engine error"
// control: eval, fires told Cannot read properties

exports.attack = async () => {
  let told
  const promise = Promise.resolve()
  const Listening = function (run) { run(() => 0, reason => { told = reason.message }) }
  promise.constructor = { [Symbol.species]: Listening }
  promise.then(() => null.x)
  for (let i = 0; i < 10; i++) await null
  return told
}
