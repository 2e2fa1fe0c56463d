// class: natives, re-entered
// tries: to work on the state from inside a native
// canary: writes
// expected: result "bb"
// control: none: re-entering a native is allowed, and metered

exports.attack = async () => {
  const jobs = []
  const text = 'aa'.replaceAll('a', () => { jobs.push(System.files.writeFile('/r', String(jobs.length))); return 'b' })
  await Promise.all(jobs)
  return text
}
