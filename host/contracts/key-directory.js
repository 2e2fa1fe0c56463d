// A key directory: each name belongs to the caller who published it first, and only that caller may change its key.
// Old versions stay readable, so that whoever cached a key can see when it was replaced or revoked.

const FOLDER = '/keys'
const NAME_CHARS_MAX = 64
const KEY_CHARS_MAX = 4096

exports.init = async () => {
  await System.files.mkdir(FOLDER)
}

// Publishes the first key under a new name.
exports.publish = async (name, key) => {
  checkName(name)
  checkKey(key)
  if (await System.files.exists(pathOf(name))) throw new Error(`${name} is taken`)
  return save(name, { name, owner: System.caller.id, versions: [versionOf(1, key)] })
}

// Replaces the key of a name that the caller owns. A revoked name may be given a new key.
exports.rotate = async (name, key) => {
  checkKey(key)
  const entry = await own(name)
  entry.versions.push(versionOf(entry.versions.length + 1, key))
  return save(name, entry)
}

// Says that the current key must no longer be trusted, without giving a new one.
exports.revoke = async name => {
  const entry = await own(name)
  if (current(entry).key === null) throw new Error(`${name} is revoked already`)
  entry.versions.push(versionOf(entry.versions.length + 1, null))
  return save(name, entry)
}

// The current version, with its owner; key is null when it is revoked.
exports.lookup = async name => {
  const { owner, versions } = await load(name)
  return { name, owner, ...versions[versions.length - 1] }
}

// Every version there ever was, oldest first.
exports.history = async name => (await load(name)).versions

exports.list = async () => {
  const files = await System.files.readdir(FOLDER)
  return files.map(file => file.slice(0, -'.json'.length))
}

function pathOf(name) {
  return `${FOLDER}/${name}.json`
}

function versionOf(version, key) {
  return { version, key, since: System.now(), seq: System.ledger.seq }
}

function current(entry) {
  return entry.versions[entry.versions.length - 1]
}

async function load(name) {
  checkName(name)
  if (!(await System.files.exists(pathOf(name)))) throw new Error(`${name} is not published`)
  return JSON.parse(await System.files.readFile(pathOf(name)))
}

async function own(name) {
  const entry = await load(name)
  if (entry.owner !== System.caller.id) throw new Error(`${name} belongs to ${entry.owner}`)
  return entry
}

async function save(name, entry) {
  await System.files.writeFile(pathOf(name), JSON.stringify(entry))
  return { name, owner: entry.owner, ...current(entry) }
}

function checkName(name) {
  const allowed = 'abcdefghijklmnopqrstuvwxyz0123456789-'
  const isName =
    typeof name === 'string' &&
    name.length > 0 &&
    name.length <= NAME_CHARS_MAX &&
    [...name].every(letter => allowed.includes(letter))
  if (!isName) throw new TypeError('a name has 1 to 64 of a-z, 0-9 and -')
}

function checkKey(key) {
  if (typeof key !== 'string' || key === '' || key.length > KEY_CHARS_MAX) {
    throw new TypeError('a key is a text of at most 4096 characters')
  }
}
