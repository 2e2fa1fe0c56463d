// class: endowments
// tries: to call itself by another name
// canary: the endowments
// expected: error TypeError: engine error
// control: eval, fires told root

exports.attack = () => {
  System.caller.id = 'root'
  return System.caller.id
}
