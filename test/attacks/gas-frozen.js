// class: unmetered natives
// tries: to have a large object looked at again and again for one gas
// canary: gas, and the honest contract behind it
// expected: error OutOfGasError: the call used more than 1000000 gas
// control: function, fires time

exports.attack = () => {
  const large = {}
  for (let i = 0; i < 100000; i++) large[`k${i}`] = i
  Object.preventExtensions(large)
  let times = 0
  for (let i = 0; i < 1e9; i++) times += Object.isFrozen(large) ? 0 : 1
  return times
}
