// class: arguments of calls
// tries: to pass more arguments than may be, by an array with an iterator of its own
// canary: the honest contract
// expected: error RangeError: more than 1024 arguments
// control: function, fires told 19999

exports.attack = () => {
  const list = [1]
  list[Symbol.iterator] = function* () { for (let i = 0; i < 20000; i++) yield i }
  return Math.max(...list)
}
