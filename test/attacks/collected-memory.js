// class: clocks
// tries: to see what the collector does, which differs from run to run
// canary: the contract compiles
// expected: refused WeakRef does not exist in runtime 1
// control: function, fires told object

exports.attack = () => typeof new WeakRef({})
