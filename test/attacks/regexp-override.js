// class: globals of the realm
// tries: to be called by every search of others
// canary: the prototypes of the realm
// expected: error TypeError: engine error
// control: none: the canary of the controls does not look at RegExp

exports.attack = () => {
  RegExp.prototype.exec = () => null
}
