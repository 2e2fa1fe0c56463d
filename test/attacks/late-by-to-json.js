// class: jobs that outlive their call
// tries: to write, and to start jobs, while its result is made text
// canary: writes that are not of this call
// expected: result "text"
// control: eval, fires late

exports.attack = () => ({
  toJSON() {
    Promise.resolve().then(() => System.files.writeFile('/late', 'late'))
    return 'text'
  }
})
