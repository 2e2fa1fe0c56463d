// class: names of the rewriter
// tries: to get a name of the rewriter in as a private name, a label and a key
// canary: the contract compiles
// expected: refused $vmsE is reserved
// control: none: the name exists in no other sandbox

exports.attack = () => {
  class A { #$vmsE = 1; $vmsA() { $vmsL: for (;;) break $vmsL } }
}
