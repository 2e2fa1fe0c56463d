// class: data that change after they are checked
// tries: to change bytes after they are written, and bytes that were read
// canary: writes
// expected: result ["0102","0102"]
// control: none: the naive host keeps what it is given, and nobody reads it as bytes

exports.attack = async () => {
  const bytes = new Uint8Array([1, 2])
  await System.files.writeFile('/b', bytes)
  bytes[0] = 255
  const read = await System.files.readFile('/b', 'binary')
  read[1] = 255
  const again = await System.files.readFile('/b', 'hex')
  return ['0102', again]
}
