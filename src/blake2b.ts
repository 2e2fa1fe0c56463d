// BLAKE2b-256 (RFC 7693) in plain JavaScript, for the sandbox child, which may load no addon. Equal to `hash` of
// crypto.ts for every input; a test compares.

const ROUNDS = 12
const BLOCK_BYTES = 128
const HASH_BYTES = 32

// RFC 7693 §2.6, each 64-bit word as low and high half.
const IV = [
  0xf3bcc908, 0x6a09e667, 0x84caa73b, 0xbb67ae85, 0xfe94f82b, 0x3c6ef372, 0x5f1d36f1, 0xa54ff53a,
  0xade682d1, 0x510e527f, 0x2b3e6c1f, 0x9b05688c, 0xfb41bd6b, 0x1f83d9ab, 0x137e2179, 0x5be0cd19
]

// RFC 7693 §2.7, the permutations of rounds 0 to 9.
const SIGMA = [
  [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
  [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3],
  [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4],
  [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8],
  [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13],
  [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9],
  [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11],
  [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10],
  [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5],
  [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0]
]

// The columns and diagonals that one round mixes (RFC 7693 §3.2), as indices of 64-bit words.
const LANES = [
  [0, 4, 8, 12],
  [1, 5, 9, 13],
  [2, 6, 10, 14],
  [3, 7, 11, 15],
  [0, 5, 10, 15],
  [1, 6, 11, 12],
  [2, 7, 8, 13],
  [3, 4, 9, 14]
]

export function blake2b256(bytes: Uint8Array): Uint8Array {
  const state = IV.slice()
  state[0] = (state[0]! ^ 0x01010000 ^ HASH_BYTES) | 0
  const blocks = Math.max(1, Math.ceil(bytes.length / BLOCK_BYTES))
  for (let block = 0; block < blocks; block++) {
    const start = block * BLOCK_BYTES
    const end = Math.min(start + BLOCK_BYTES, bytes.length)
    compress(state, wordsOf(bytes, start, end), end, block === blocks - 1)
  }
  const out = new Uint8Array(HASH_BYTES)
  for (let i = 0; i < HASH_BYTES; i++) out[i] = state[i >> 2]! >>> ((i & 3) * 8)
  return out
}

function wordsOf(bytes: Uint8Array, start: number, end: number): number[] {
  const words: number[] = []
  for (let i = 0; i < 32; i++) words[i] = 0
  for (let i = start; i < end; i++) words[(i - start) >> 2]! |= bytes[i]! << (((i - start) & 3) * 8)
  return words
}

function compress(state: number[], words: number[], counter: number, last: boolean): void {
  const v = [...state, ...IV]
  v[24] = v[24]! ^ (counter | 0)
  v[25] = v[25]! ^ Math.floor(counter / 2 ** 32)
  if (last) {
    v[28] = ~v[28]!
    v[29] = ~v[29]!
  }
  for (let round = 0; round < ROUNDS; round++) {
    const order = SIGMA[round % 10]!
    for (let lane = 0; lane < 8; lane++) {
      const [a, b, c, d] = LANES[lane] as [number, number, number, number]
      mix(v, a * 2, b * 2, c * 2, d * 2, words, order[lane * 2]! * 2, order[lane * 2 + 1]! * 2)
    }
  }
  for (let i = 0; i < 16; i++) state[i] = (state[i]! ^ v[i]! ^ v[i + 16]!) | 0
}

// RFC 7693 §3.1 with rotations by 32, 24, 16 and 63.
function mix(
  v: number[],
  a: number,
  b: number,
  c: number,
  d: number,
  words: number[],
  x: number,
  y: number
): void {
  add(v, a, v[b]!, v[b + 1]!)
  add(v, a, words[x]!, words[x + 1]!)
  let low = v[d]! ^ v[a]!
  let high = v[d + 1]! ^ v[a + 1]!
  v[d] = high
  v[d + 1] = low
  add(v, c, v[d]!, v[d + 1]!)
  low = v[b]! ^ v[c]!
  high = v[b + 1]! ^ v[c + 1]!
  v[b] = (low >>> 24) ^ (high << 8)
  v[b + 1] = (high >>> 24) ^ (low << 8)
  add(v, a, v[b]!, v[b + 1]!)
  add(v, a, words[y]!, words[y + 1]!)
  low = v[d]! ^ v[a]!
  high = v[d + 1]! ^ v[a + 1]!
  v[d] = (low >>> 16) ^ (high << 16)
  v[d + 1] = (high >>> 16) ^ (low << 16)
  add(v, c, v[d]!, v[d + 1]!)
  low = v[b]! ^ v[c]!
  high = v[b + 1]! ^ v[c + 1]!
  v[b] = (high >>> 31) ^ (low << 1)
  v[b + 1] = (low >>> 31) ^ (high << 1)
}

function add(v: number[], at: number, low: number, high: number): void {
  const sum = (v[at]! >>> 0) + (low >>> 0)
  v[at] = sum | 0
  v[at + 1] = (v[at + 1]! + high + (sum >= 2 ** 32 ? 1 : 0)) | 0
}
