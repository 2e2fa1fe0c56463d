// class: arguments of the module
// tries: to take the meter out of the factory's arguments inside of an arrow in a computed key in a class
// canary: gas of the call
// expected: refused arguments at top level
// control: function, fires told object

class Keyed { static [(() => typeof arguments[0])()]() {} }
exports.attack = () => Object.getOwnPropertyNames(Keyed)
