// class: getter tricks
// tries: to give another module each time it is asked
// canary: the outcome
// expected: result "fixed"
// control: none: the naive host asks once

let asked = 0
exports.attack = () => 'fixed'
const fixed = exports
Object.defineProperty(module, 'exports', { get: () => (fixed.asked = (fixed.asked ?? 0) + 1) && fixed })
