// class: message interface
// tries: to have a message checked that fits no frame
// canary: the process
// expected: error OutOfGasError: the call used more than 1000000 gas
// control: none: only this message interface has frames of a size

exports.attack = () => {
  let text = 'x'
  for (let i = 0; i < 23; i++) text += text
  return System.crypto.verify(text, '0'.repeat(128), '0'.repeat(64))
}
