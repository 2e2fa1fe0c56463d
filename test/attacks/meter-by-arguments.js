// class: arguments of the module
// tries: to take the meter out of the arguments of the factory
// canary: gas of the call
// expected: refused arguments at top level
// control: function, fires told object

const [meter] = arguments
exports.attack = () => typeof meter
