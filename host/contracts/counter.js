// A counter that survives restarts: what a contract wants to keep, it keeps in System.files.
// Variables of the module are fresh for every call.

const PATH = '/count'

async function read() {
  if (!(await System.files.exists(PATH))) return 0
  return Number(await System.files.readFile(PATH))
}

// Adds `by` (1 if not given) and returns the new count.
exports.increment = async (by = 1) => {
  if (!Number.isSafeInteger(by)) throw new TypeError('by is a whole number')
  const count = (await read()) + by
  if (!Number.isSafeInteger(count)) throw new RangeError('the counter is full')
  await System.files.writeFile(PATH, String(count))
  return count
}

exports.get = async () => read()
