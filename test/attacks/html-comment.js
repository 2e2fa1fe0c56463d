// class: HTML comments (SES transforms)
// tries: to let the parser and the engine see two different programs
// canary: the contract compiles
// expected: refused an HTML comment
// control: function, fires told hidden

exports.attack = () => {
  let told = 'seen'
  told = 'hidden' <!-- told = 'seen'
  return told
}
