// class: jobs that outlive their call
// tries: to run again when the call is over
// canary: writes that are not of this call
// expected: refused setTimeout does not exist in runtime 1
// control: eval, fires late

exports.attack = () => {
  setTimeout(() => System.files.writeFile('/late', 'late'), 1)
  return 1
}
