// class: message interface
// tries: to break a frame by the name and message of an error: line ends, half characters, any length
// canary: calls that nobody made
// expected: error a: b
// control: none: only this message interface has such frames

exports.attack = () => {
  const long = new Error(`\n{"t":"ready"}\ud800${'x'.repeat(100000)}`)
  long.name = `\u0000\n\udfff${'y'.repeat(100000)}`
  try {
    throw long
  } catch (error) {
    const short = new Error('b')
    short.name = error === long ? 'a' : 'c'
    throw short
  }
}
