// class: clocks
// tries: to get memory that another thread could count in
// canary: the contract compiles
// expected: refused SharedArrayBuffer does not exist in runtime 1
// control: function, fires told object

exports.attack = () => typeof new SharedArrayBuffer(8)
