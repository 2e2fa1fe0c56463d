// class: globals of the realm
// tries: to forge what the child tells its parent
// canary: the honest contract, and the frames
// expected: error TypeError: engine error
// control: eval, fires shared

exports.attack = () => {
  JSON.stringify = () => '{"t":"ran"}'
}
