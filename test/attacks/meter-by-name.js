// class: names of the rewriter
// tries: to name the meter and fill it
// canary: gas of the call
// expected: refused $vms is reserved
// control: none: the name exists in no other sandbox

exports.attack = () => {
  $vms.g = 1e9
}
