// class: __proto__ in data
// tries: to pollute by merging parsed data into an object
// canary: the prototypes of the realm
// expected: result [null,true]
// control: eval, fires shared

const merge = (into, from) => {
  for (const key of Object.keys(from)) {
    if (typeof from[key] === 'object' && typeof into[key] === 'object') merge(into[key], from[key])
    else into[key] = from[key]
  }
  return into
}
exports.attack = () => {
  const merged = merge({}, JSON.parse('{"__proto__":{"polluted":true}}'))
  return [{}.polluted, Object.hasOwn(merged, '__proto__')]
}
