// class: names of the factory
// tries: to collide with a parameter of the factory, so that what compiles cannot be run
// canary: the contract compiles
// expected: refused declares module, which is there already
// control: none: it is a refusal that came too late, no escape

const module = { exports: {} }
exports.attack = () => 1
