// class: time that gas does not see
// tries: to keep the engine's regular expressions searching for ever
// canary: the other ledgers of the process
// expected: result false
// control: function, fires time

exports.attack = () => /^(a+)+$/.test(`${'a'.repeat(200)}b`)
