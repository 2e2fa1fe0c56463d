// class: caller and callee (vm2 category 5)
// tries: to find the meter in the arguments of the function that called
// canary: gas of the call
// expected: error TypeError: engine error
// control: function, fires told function

function look() { return typeof look.caller.arguments[0] === 'string' && typeof look.caller }
exports.attack = function () { return look() }
