// class: __proto__ in data
// tries: to pollute the parent by a result that names the prototype
// canary: the prototypes of the parent
// expected: result {"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}
// control: none: the parent never makes an object of a result

exports.attack = () =>
  JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}')
