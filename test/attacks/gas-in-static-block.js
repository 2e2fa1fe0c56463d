// class: gas outside of function bodies
// tries: to loop in a static block, a field and a computed key
// canary: gas, and the honest contract behind it
// expected: error OutOfGasError: the call used more than 1000000 gas
// control: function, fires time

exports.attack = () => {
  for (;;) {
    class Loop { static { for (let i = 0; i < 10; i++); } field = [].map(() => 1); [(() => 'k')()] = 1 }
    new Loop()
  }
}
