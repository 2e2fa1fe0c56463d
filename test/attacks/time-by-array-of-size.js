// class: time that gas does not see
// tries: to have large empty lists made again and again, one gas each
// canary: the other ledgers of the process
// expected: cannot
// control: function, fires time

exports.attack = () => {
  let length = 0
  for (let i = 0; i < 900000; i++) length += new Array(30000000).length
  return length
}
