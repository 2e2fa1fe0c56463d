// A guest list: everyone answers for themselves, everyone may read all answers.

const FOLDER = '/rsvps'

// Runs once, as the first entry of the ledger.
exports.init = async () => {
  await System.files.mkdir(FOLDER)
}

// Records the caller's answer; a later answer replaces it.
exports.RSVP = async (name, isAttending, reason = '') => {
  if (typeof name !== 'string' || name === '') throw new TypeError('name is a text')
  if (typeof isAttending !== 'boolean') throw new TypeError('isAttending is true or false')
  if (typeof reason !== 'string') throw new TypeError('reason is a text')
  const answer = { name, isAttending, reason }
  await System.files.writeFile(`${FOLDER}/${System.caller.id}.json`, JSON.stringify(answer))
  return answer
}

// All answers, in the order of the callers' ids.
exports.list = async () => {
  const files = await System.files.readdir(FOLDER)
  const answers = []
  for (const file of files) {
    answers.push(JSON.parse(await System.files.readFile(`${FOLDER}/${file}`)))
  }
  return answers
}
