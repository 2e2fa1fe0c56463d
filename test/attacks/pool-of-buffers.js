// class: memory of the host
// tries: to see what stands beside the bytes of a file, in the buffer that they are cut from
// canary: bytes that are of no file
// expected: result [4,4]
// control: vm, fires told 8192

exports.attack = async () => {
  const bytes = await System.files.readFile('/seed', 'binary')
  return [bytes.length, bytes.buffer.byteLength]
}
