// class: util.inspect (vm2 category 9)
// tries: to be called by the host's inspection of what is logged, and to climb from what that hands over
// canary: the secret in the parent's environment
// expected: result null
// control: vm, fires secret

exports.attack = (file, name) => {
  let told = null
  console.log({
    [Symbol.for('nodejs.util.inspect.custom')](depth, options, inspect) {
      told = inspect.constructor('return process')().env[name]
      return ''
    }
  })
  return told
}
