// class: time that gas does not see
// tries: to have long bytes copied where a path or options belong, again and again
// canary: the other ledgers of the process
// expected: result 9000
// control: none: only System copies what it is given

exports.attack = async () => {
  const bytes = new Uint8Array(4 * 1024 * 1024)
  let refused = 0
  for (let i = 0; i < 9000; i++) {
    try {
      await System.files.exists(bytes, bytes, bytes)
    } catch {
      refused++
    }
  }
  return refused
}
