// class: paths of the host
// tries: to write a file of the parent by its own path
// canary: what stands in that file
// expected: result "ParentFolderDoesntExistError"
// control: vm, fires file

exports.attack = async file => {
  try {
    return await System.files.writeFile(file, 'defaced')
  } catch (error) {
    return error.name
  }
}
