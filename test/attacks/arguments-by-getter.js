// class: arguments of calls
// tries: to pass more arguments than may be, by what says it is arguments and changes its length
// canary: the honest contract
// expected: error RangeError: more than 1024 arguments
// control: function, fires told 50000

exports.attack = () => {
  let asked = 0
  const list = {
    get length() { return asked++ ? 50000 : 5 },
    [Symbol.toStringTag]: 'Arguments',
    *[Symbol.iterator]() { for (let i = 0; i < 50000; i++) yield i }
  }
  list.length
  return Reflect.apply((...all) => all.length, null, list)
}
