// class: memory outside of the heap
// tries: to make more bytes at once than may be
// canary: gas, and the parent's memory
// expected: error RangeError: too many bytes
// control: none: an engine without a meter gives it, as it should

exports.attack = () => new Uint8Array(4294967296).length
