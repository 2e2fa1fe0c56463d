// class: errors of the engine
// tries: to freeze an error of the engine before its words are taken away
// canary: words of the engine in the outcome
// expected: result "engine error"
// control: eval, fires told Cannot read properties

exports.attack = async () => {
  const freezing = { then(resolve, reject) { null.x } }
  const reason = await Promise.resolve(freezing).then(0, Object.freeze)
  return reason.message
}
