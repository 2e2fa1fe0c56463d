// class: state beside the state
// tries: to read what the last expression found, whoever's it was
// canary: the outcome
// expected: result "none"
// control: eval, fires told found

exports.attack = () => {
  /(found)/.exec('found')
  return RegExp.$1 ?? 'none'
}
