// class: with (SES evaluators)
// tries: to put an object of its own into the scope chain
// canary: the contract compiles
// expected: refused not valid strict JavaScript
// control: function, fires told caught

exports.attack = () => {
  with ({ System: 'caught' }) return System
}
