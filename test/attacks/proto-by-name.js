// class: __proto__
// tries: to reach the prototype by its old name
// canary: the prototypes of the realm
// expected: error TypeError: engine error
// control: eval, fires shared

exports.attack = () => {
  const key = '__proto__'
  ;({})[key].polluted = true
  return {}.polluted
}
