// class: abort and rerun
// tries: to count its reruns, by what it logs, draws and counts
// canary: the same outcome whether the datum is at hand or not
// expected: result [1,true,true,"seed"]
// control: none: only a sandbox that reruns could show it

const runs = { counted: 0 }
exports.attack = async () => {
  runs.counted++
  const first = System.random()
  console.log('run')
  const seed = await System.files.readFile('/seed')
  return [runs.counted, first !== System.random(), System.now() === 5000, seed]
}
