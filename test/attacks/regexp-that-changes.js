// class: natives, re-entered
// tries: to move and to exchange the expression while it replaces
// canary: the same outcome in every run
// expected: result ["bbb",3,[0,"TypeError"]]
// control: none: re-entering is allowed, and metered

exports.attack = () => {
  const found = /a/g
  let turns = 0
  const text = 'aaa'.replace(found, () => {
    found.lastIndex = 0
    turns++
    return 'b'
  })
  const told = []
  found.lastIndex = { valueOf: () => { told.push(0); return 0 } }
  found.test('a')
  try {
    'a'.replace(Object.create(found), 'b')
    RegExp.prototype.test.call(Object.create(found), 'a')
  } catch (error) {
    told.push(error.name)
  }
  return [text, turns, told]
}
