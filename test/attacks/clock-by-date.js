// class: clocks
// tries: to see time go by in a call
// canary: the outcome
// expected: result "stands still"
// control: function, fires told moves

exports.attack = () => {
  const start = Date.now()
  for (let i = 0; i < 20000; i++) if (new Date().getTime() !== start || Date.now() !== start) return 'moves'
  let text = ''
  for (let i = 0; i < 50000; i++) text += 'x'
  return Date.now() === start ? 'stands still' : 'moves'
}
