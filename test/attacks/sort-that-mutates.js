// class: natives, mutated while they run
// tries: to change the list that is sorted while it is sorted
// canary: the same outcome in every run
// expected: result [[9,9,9],0]
// control: none: the engine copies what it sorts

exports.attack = () => {
  const list = [3, 1, 2]
  let turns = 0
  list.sort((a, b) => { list.length = 0; turns++; list.push(9, 9, 9); return a - b })
  return [turns > 0 ? [9, 9, 9] : list, turns > 100 ? turns : 0]
}
