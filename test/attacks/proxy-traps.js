// class: Proxy (vm2 category 6)
// tries: to stand in for an object in every operation on it
// canary: the contract compiles
// expected: refused Proxy does not exist in runtime 1
// control: function, fires told trapped

exports.attack = () => new Proxy({}, { get: () => 'trapped' }).anything
