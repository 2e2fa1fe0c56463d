// Where each file stands (ARCHITECTURE). A new file of `src` must be placed here; one of `host` or `watcher` is an organ
// until it is named as part of the spine.

/** formats, pure · judgement · wire · organs · spine */
export const FLOORS: Record<number, string[]> = {
  1: [
    'blake2b bytes call codec crypto drive-key entry evidence fault genesis hash-slab head inclusion key manifest path receipt request state',
    'state-key state-node state-proof state-pruned state-row state-tree state-walk state-witness vkey'
  ],
  2: [
    'contract contract-check contract-rewrite contract-tree execution regexp-match regexp-program regexp-sets regexp-syntax replay request-window',
    'runtime runtime-allowed runtime-async-list runtime-buffers runtime-date runtime-files runtime-json runtime-lists runtime-made runtime-meter',
    'runtime-natives runtime-promises runtime-regexp runtime-sort runtime-state runtime-texts sandbox-frames'
  ],
  3: [
    'audit bell collect-evidence direct drive engine files-audit first-sight folders ledger peer-heads progress rpc-client sandbox sandbox-child',
    'sandbox-process sandbox-selftest sandbox-session sandbox-slot sandbox-types sandbox-walls signature-worker signatures sqlite storage swarm',
    'verify-ledger websocket within'
  ]
}

export const ORGANS_FLOOR = 4
export const SPINE_FLOOR = 5

/** Files of the spine, and what is started from a shell. */
export const SPINE: string[] = [
  'host/liar.ts',
  'host/main.ts',
  'watcher/daemon.ts',
  'watcher/demo.ts',
  'watcher/main.ts',
  'watcher/run.ts',
  'watcher/watch.ts'
]

/** Programs: whatever is not reachable from one of them is dead. The liar is the demo's and the tests'. */
export const ENTRIES: string[] = ['host/main.ts', 'host/liar.ts', 'watcher/main.ts']

/** Written and tested ahead of the verbs that will use them: verified reads ask for these proofs. */
export const AWAITED: string[] = ['src/state-proof.ts']

export function floors(): Map<string, number> {
  const placed = Object.entries(FLOORS).flatMap(([floor, lines]) =>
    lines
      .flatMap(line => line.split(' '))
      .map((name): [string, number] => [`src/${name}.ts`, Number(floor)])
  )
  return new Map([...placed, ...SPINE.map((path): [string, number] => [path, SPINE_FLOOR])])
}
