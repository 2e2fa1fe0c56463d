// class: paths of the host
// tries: to climb out of the state by names
// canary: the secret, and what is written
// expected: result ["InvalidPathError","InvalidPathError","InvalidPathError","InvalidPathError","InvalidPathError","NotFoundError"]
// control: vm, fires told ENOENT

const PATHS = ['/../../none/x', '/..', '/a/../../b', '/a\u0000b', '/.vms/state', '/..%2f..%2fnone']
exports.attack = async () => {
  const told = []
  for (const path of PATHS) {
    try {
      told.push(await System.files.readFile(path))
    } catch (error) {
      told.push(error.code ?? error.name)
    }
  }
  return told
}
