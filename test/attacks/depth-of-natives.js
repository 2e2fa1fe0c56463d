// class: stack overflow in host wrappers (vm2 #197)
// tries: to fill the stack with natives that call each other, and to go on from there
// canary: the honest contract
// expected: cannot
// control: none: the engine's own Reflect.apply leaves no frame, only what is wrapped does

exports.attack = () => {
  let list = [() => 0, undefined, []]
  for (let i = 0; i < 100000; i++) list = [Reflect.apply, undefined, list]
  try {
    return Reflect.apply(...list)
  } catch (error) {
    return error.message
  }
}
