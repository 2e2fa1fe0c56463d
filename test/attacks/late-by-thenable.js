// class: jobs that outlive their call
// tries: to write from inside the settling of its own result
// canary: writes that are not of this call
// expected: result 1
// control: eval, fires late

exports.attack = () => ({
  then(resolve) {
    resolve(1)
    Promise.resolve().then(() => 0).then(() => 0).then(() => 0).then(() => System.files.writeFile('/late', 'late'))
  }
})
