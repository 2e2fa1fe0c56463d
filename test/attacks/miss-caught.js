// class: abort and rerun
// tries: to catch the abort by which missing data are fetched
// canary: the same outcome whether the datum is at hand or not
// expected: result "seed"
// control: naive, fires miss

exports.attack = async () => {
  try {
    return await System.files.readFile('/seed')
  } catch {
    return 'caught'
  }
}
