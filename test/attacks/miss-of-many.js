// class: abort and rerun
// tries: to have a thousand data missing, one after the other
// canary: frames, the honest contract
// expected: result 0
// control: none: only a sandbox that reruns could show it

exports.attack = async () => {
  let found = 0
  for (let i = 0; i < 200; i++) if (await System.files.exists(`/missing-${i}`)) found++
  return found
}
