// class: errors of the engine by promises
// tries: to read the engine's own words from the reasons that are collected
// canary: words of the engine in the outcome
// expected: result ["engine error","engine error","engine error"]
// control: eval, fires told Cannot read properties

exports.attack = async () => {
  const failing = () => (async () => null.x)()
  const [settled] = await Promise.allSettled([failing()])
  const any = await Promise.any([failing()]).catch(error => error)
  return [settled.reason.message, any.errors[0].message, any.message]
}
