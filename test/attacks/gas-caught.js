// class: gas in catch and finally
// tries: to catch the end of its gas and go on, in every way there is
// canary: gas, and the honest contract behind it
// expected: error OutOfGasError: the call used more than 1000000 gas
// control: function, fires time

const burn = () => { for (;;); }
const finish = function* () { try { yield 1 } finally { burn() } }
exports.attack = async () => {
  for (;;) {
    try { try { burn() } finally { for (const x of finish()) break } } catch {} finally { continue }
  }
}
