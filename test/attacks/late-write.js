// class: jobs that outlive their call
// tries: to write after its result is known
// canary: writes that are not of this call
// expected: result "early"
// control: eval, fires late

exports.attack = () => {
  const late = async () => {
    for (let i = 0; i < 100; i++) await null
    await System.files.writeFile('/late', 'late')
  }
  late()
  return 'early'
}
