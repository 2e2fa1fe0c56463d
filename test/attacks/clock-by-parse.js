// class: getter tricks
// tries: to show one text to the check of a date and another to the engine's own reading of it
// canary: the outcome depends on the engine's reading of free texts
// expected: result [1577836800000,"TypeError"]
// control: none: the engine alone asks once

exports.attack = () => {
  let asked = 0
  const time = Date.parse({ toString: () => (asked++ ? 'Jan 5 2020' : '2020-01-01') })
  try {
    return [time, Date.prototype.getUTCFullYear.call({ getTime: () => 'Jan 5 2021 PST' })]
  } catch (error) {
    return [time, error.name]
  }
}
