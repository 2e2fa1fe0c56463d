// class: memory
// tries: to hide the engine's refusal in a rejection that nobody looks at
// canary: the outcome is none
// expected: cannot
// control: function, fires crash

exports.attack = () => {
  ;(async () => {
    let text = 'x'.repeat(1000)
    for (let i = 0; i < 30; i++) text += text
  })()
  return 1
}
