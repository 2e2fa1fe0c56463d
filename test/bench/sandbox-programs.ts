// Contracts that do nothing but compute, each in the manner of another kind of program.

export const PROGRAMS: Record<string, string> = {
  calls: `
const fib = n => (n < 2 ? n : fib(n - 1) + fib(n - 2))
exports.run = () => fib(21)`,

  loops: `
exports.run = () => {
  const composite = new Uint8Array(200000)
  let primes = 0
  for (let n = 2; n < composite.length; n++) {
    if (composite[n]) continue
    primes++
    for (let at = n * 2; at < composite.length; at += n) composite[at] = 1
  }
  return primes
}`,

  numbers: `
class Body {
  constructor(x, v) { this.x = x; this.v = v }
  pull(other, dt) {
    const d = other.x - this.x
    this.v += (d * dt) / (Math.abs(d) * d * d + 0.01)
  }
  move(dt) { this.x += this.v * dt }
}
exports.run = () => {
  const bodies = [1, 2, 4, 7, 11].map((x, i) => new Body(x, i / 10))
  for (let step = 0; step < 1500; step++) {
    for (const a of bodies) for (const b of bodies) if (a !== b) a.pull(b, 0.001)
    for (const body of bodies) body.move(0.001)
  }
  return bodies.map(body => body.x)
}`,

  texts: `
exports.run = () => {
  const counts = new Map()
  for (let line = 0; line < 400; line++) {
    const text = 'the quick brown fox ' + line + ' jumps over the lazy dog ' + (line % 7)
    for (const word of text.split(' ')) {
      const key = word.slice(0, 3).toUpperCase()
      counts.set(key, (counts.get(key) ?? 0) + 1)
    }
  }
  return [...counts].sort((a, b) => b[1] - a[1]).slice(0, 3).map(([key, n]) => \`\${key}:\${n}\`)
}`,

  lists: `
exports.run = () => {
  let total = 0
  for (let round = 0; round < 20; round++) {
    const list = Array.from({ length: 500 }, (_, i) => ({ id: (i * 7919) % 500, even: i % 2 === 0 }))
    const sorted = list.filter(one => one.even).sort((a, b) => a.id - b.id)
    total += sorted.map(one => one.id + round).reduce((sum, id) => sum + id, 0)
  }
  return total
}`
}
