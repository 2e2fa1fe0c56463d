// class: naive endowments of a locked realm
// tries: to change what the host lends, although the realm itself is frozen
// canary: what the host lends is another afterwards
// expected: error TypeError: engine error
// control: ses, fires shared

exports.attack = () => {
  System.files.readFile = () => 'poison'
  return System.files.readFile('/seed')
}
