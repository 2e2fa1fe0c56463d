// class: memory
// tries: to hold more than the heap of its process
// canary: the other ledgers of the process
// expected: cannot
// control: none: it would take the memory of the machine

exports.attack = () => {
  const kept = []
  for (let i = 0; i < 900000; i++) kept.push([{}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}])
  return kept.length
}
