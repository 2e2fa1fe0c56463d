// class: floods of the operator
// tries: to write lines and control characters of its own into the operator's log
// canary: lines of the log
// expected: result null
// control: eval, fires told null

exports.attack = () => {
  console.log('\u001b[2J\n{"level":60,"msg":"forged"}', { toJSON: () => '\u001b]0;title\u0007' })
}
