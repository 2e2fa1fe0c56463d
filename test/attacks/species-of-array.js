// class: Symbol.species of arrays (vm2 category 18)
// tries: to have a native put what it makes into an object of its own
// canary: the honest contract
// expected: result [[2,4],"stolen"]
// control: none: all is of one realm, and there is nothing to steal

exports.attack = async () => {
  const mine = { stolen: 'stolen' }
  const Thief = function () { return mine }
  const list = await System.files.readdir('/')
  list.push(1)
  Object.defineProperty(list, 'constructor', { value: { [Symbol.species]: Thief } })
  list.map(name => name)
  return [[1, 2].map(n => n * 2), mine.stolen]
}
