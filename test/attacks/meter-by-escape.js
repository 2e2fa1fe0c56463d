// class: names of the rewriter
// tries: to name the meter by escapes, which the printer would write out
// canary: gas of the call
// expected: refused $vms is reserved
// control: none: the name exists in no other sandbox

exports.attack = () => {
  \u0024vms.g = 1e9
}
