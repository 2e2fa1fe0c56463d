// class: message interface
// tries: to have a message checked that is over the limit, but within its gas
// canary: the process
// expected: error RangeError: more than 2097152 bytes to check
// control: none: only this message interface has frames of a size

exports.attack = () => System.crypto.verify('x'.repeat(2097153), '0'.repeat(128), '0'.repeat(64))
