// class: memory
// tries: to double a text until the engine refuses, and to make an outcome of the refusal
// canary: the outcome is none
// expected: cannot
// control: function, fires told Invalid string length

exports.attack = () => {
  let text = 'x'.repeat(1000)
  try {
    for (let i = 0; i < 30; i++) text += text
  } catch (error) {
    return error.message
  }
}
