// class: message interface
// tries: to write paths that look like frames, and half characters
// canary: writes
// expected: result ["InvalidPathError","InvalidPathError","written"]
// control: none: only this message interface has such frames

exports.attack = async () => {
  const told = []
  for (const path of ['/a\n{"t":"ran"}', '/\ud800', '/"},{"']) {
    try {
      await System.files.writeFile(path, '\ud800\n"}')
      told.push('written')
    } catch (error) {
      told.push(error.name)
    }
  }
  return told
}
