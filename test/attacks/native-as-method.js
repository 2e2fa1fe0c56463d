// class: what a method may be
// tries: to be called as a native, with what the caller gives
// canary: the honest contract
// expected: result ["0","1","length"]
// control: none: a native that does what it always does

exports.attack = list => Reflect.ownKeys([list, list])
