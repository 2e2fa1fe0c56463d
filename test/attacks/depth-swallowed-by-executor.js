// class: stack overflow that the engine swallows
// tries: to let an outcome depend on how deep the stack of this machine is
// canary: the outcome is none
// expected: cannot
// control: none: the engine's own Reflect.apply leaves no frame, only what is wrapped does

exports.attack = () => {
  let list = [() => 0, undefined, []]
  for (let i = 0; i < 100000; i++) list = [Reflect.apply, undefined, list]
  let told = 'full'
  new Promise(resolve => { resolve(); Reflect.apply(...list); told = 'fits' })
  return told
}
