// A name registry: first come, first served, for a year. The owner may renew, change or transfer a name; once it has
// expired, anyone may register it. Time is that of the ledger's entries.

const FOLDER = '/names'
const DAY_MS = 24 * 60 * 60 * 1000
const TERM_MS = 365 * DAY_MS
const TERMS_AHEAD_MAX = 10
const VALUE_CHARS_MAX = 1000

exports.init = async () => {
  await System.files.mkdir(FOLDER)
}

// Takes a name that is free or has expired, for one term.
exports.register = async (name, value = '') => {
  checkName(name)
  checkValue(value)
  const holder = await find(name)
  if (holder) throw new Error(`${name} is taken until ${new Date(holder.expires).toISOString()}`)
  const since = System.now()
  return save({ name, owner: System.caller.id, value, since, expires: since + TERM_MS })
}

// Adds a term to what is left of the current one.
exports.renew = async name => {
  const entry = await own(name)
  const expires = entry.expires + TERM_MS
  if (expires > System.now() + TERMS_AHEAD_MAX * TERM_MS) {
    throw new RangeError(`no name runs longer than ${TERMS_AHEAD_MAX} terms`)
  }
  return save({ ...entry, expires })
}

// Changes what the name stands for.
exports.update = async (name, value) => {
  checkValue(value)
  return save({ ...(await own(name)), value })
}

// Gives the name to another caller, with the time that is left.
exports.transfer = async (name, owner) => {
  if (typeof owner !== 'string' || owner === '') throw new TypeError('the new owner is a caller id')
  return save({ ...(await own(name)), owner })
}

// The entry of a name; null when it is free or has expired.
exports.lookup = async name => {
  checkName(name)
  return find(name)
}

function pathOf(name) {
  return `${FOLDER}/${name}.json`
}

// An expired entry stays in the files until someone takes the name; nobody sees it.
async function find(name) {
  if (!(await System.files.exists(pathOf(name)))) return null
  const entry = JSON.parse(await System.files.readFile(pathOf(name)))
  return entry.expires > System.now() ? entry : null
}

async function own(name) {
  checkName(name)
  const entry = await find(name)
  if (!entry) throw new Error(`${name} is not registered`)
  if (entry.owner !== System.caller.id) throw new Error(`${name} belongs to ${entry.owner}`)
  return entry
}

async function save(entry) {
  await System.files.writeFile(pathOf(entry.name), JSON.stringify(entry))
  return entry
}

function checkName(name) {
  const allowed = 'abcdefghijklmnopqrstuvwxyz0123456789-'
  const isName =
    typeof name === 'string' &&
    name.length > 0 &&
    name.length <= 63 &&
    [...name].every(letter => allowed.includes(letter))
  if (!isName) throw new TypeError('a name has 1 to 63 of a-z, 0-9 and -')
}

function checkValue(value) {
  if (typeof value !== 'string' || value.length > VALUE_CHARS_MAX) {
    throw new TypeError(`a value is a text of at most ${VALUE_CHARS_MAX} characters`)
  }
}
