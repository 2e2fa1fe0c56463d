// class: abort and rerun
// tries: to handle the abort as a rejection, of a combinator too
// canary: the same outcome whether the datum is at hand or not
// expected: result ["fulfilled","seed"]
// control: naive, fires miss

exports.attack = async () => {
  const read = () => System.files.readFile('/seed')
  const [first] = await Promise.allSettled([read()])
  return [first.status, await read().catch(() => 'caught')]
}
