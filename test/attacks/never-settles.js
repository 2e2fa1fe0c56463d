// class: end of the call
// tries: to keep its caller waiting for ever
// canary: the call ends, and so do those behind it
// expected: error NeverSettledError: the promise of the call can no longer settle
// control: eval, fires crash

exports.attack = () => new Promise(() => {})
