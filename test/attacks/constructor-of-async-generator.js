// class: constructors of the other kinds of functions (vm2 #192)
// tries: to make an asynchronous generator from text
// canary: the secret in the parent's environment
// expected: error TypeError: engine error
// control: eval, fires secret

exports.attack = async (file, name) => {
  const make = Object.getPrototypeOf(async function* () {}).constructor
  return (await make('name', 'yield process.env[name]')(name).next()).value
}
