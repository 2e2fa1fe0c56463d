// class: bounds of a call
// tries: to change more than a call may
// canary: writes
// expected: error StateTooLargeError: the call changes more than 100 paths
// control: none: the naive host keeps everything, as asked

exports.attack = async () => {
  for (let i = 0; i < 1000; i++) await System.files.writeFile(`/f${i}`, 'x'.repeat(100))
}
