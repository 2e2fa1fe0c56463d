// class: the printer
// tries: to have the printer make a directive from a text in parentheses
// canary: the honest contract
// expected: result [true,1]
// control: none: an engine that reads a directive here refuses the program or compiles it for another machine

;('use asm')
exports.attack = ({}, name, more = 1) => {
  ;('use strict')
  return [typeof name === 'string', more]
}
