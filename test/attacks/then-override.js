// class: Promise.prototype.then (vm2 category 7)
// tries: to be told what others wait for
// canary: the prototypes of the realm
// expected: error TypeError: engine error
// control: eval, fires shared

exports.attack = () => {
  const { then } = Promise.prototype
  Promise.prototype.then = function (done, failed) { return then.call(this, done, failed) }
}
