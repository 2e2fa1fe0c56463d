// class: WebAssembly (vm2 category 17)
// tries: to run code that nobody meters
// canary: the contract compiles
// expected: refused WebAssembly does not exist in runtime 1
// control: function, fires told object

exports.attack = () => typeof WebAssembly
