// class: paths of the host
// tries: to read a file of the parent by its own path
// canary: what stands in that file
// expected: error NotFoundError: none
// control: vm, fires secret

exports.attack = async file => {
  try {
    return await System.files.readFile(file)
  } catch (error) {
    const reason = new Error('none')
    reason.name = error.name
    throw reason
  }
}
