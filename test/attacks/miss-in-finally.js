// class: abort and rerun
// tries: to replace the abort by a return of its own
// canary: the same outcome whether the datum is at hand or not
// expected: result "returned"
// control: naive, fires miss

exports.attack = async () => {
  let seed = ''
  try {
    seed = await System.files.readFile('/seed')
  } finally {
    await System.files.writeFile('/told', seed)
    return 'returned'
  }
}
