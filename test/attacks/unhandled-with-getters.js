// class: unhandled rejections (vm2 category 22)
// tries: to run code while the process looks at a rejection that nobody handled
// canary: writes that are not of this call, the process
// expected: result 1
// control: eval, fires crash

exports.attack = () => {
  const reason = new Error('nobody')
  const write = () => System.files.writeFile('/late', 'late')
  for (const key of ['name', 'message', 'stack', 'toString', 'code']) Object.defineProperty(reason, key, { get: write })
  Promise.reject(reason)
  return 1
}
