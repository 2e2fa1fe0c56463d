// Where each file stands (ARCHITECTURE). A new file of `src` must be placed here; one of `host` or `watcher` is an organ
// until it is named as part of the spine.

/** formats, pure · judgement · wire · organs · spine */
export const FLOORS: Record<number, string[]> = {
  1: [
    'bars blake2b bytes call codec cosignature crypto drive-key entry evidence evidence-decode fault genesis gossip-limits gossip-messages gossip-out',
    'hash-slab head inclusion key ledger-words manifest observation observed path receipt request signed-note state state-key state-node state-proof',
    'state-pruned state-row state-tree state-walk state-witness timed-head verified-read vkey witnessed-read'
  ],
  2: [
    'call-witnesses confirm contract contract-check contract-rewrite contract-tree evidence-entry evidence-facts execution gossip-accused gossip-core gossip-evidence',
    'gossip-kept gossip-peer gossip-table gossip-times regexp-match regexp-program regexp-sets regexp-syntax replay request-window rules',
    'rules-signed runtime runtime-allowed runtime-async-list runtime-buffers runtime-date runtime-files runtime-gas runtime-json runtime-lists runtime-made',
    'runtime-meter runtime-natives runtime-promises runtime-properties runtime-realm runtime-regexp runtime-sort runtime-state runtime-texts runtime-uncurried sandbox-frames witness'
  ],
  3: [
    'audit bell check-evidence collect-evidence direct drive engine engine-turns files-audit first-sight folders gossip-talk gossip-wire ledger peer-heads',
    'peer-lines progress rpc-client sandbox sandbox-child sandbox-pipe sandbox-process sandbox-selftest sandbox-session sandbox-slot sandbox-types',
    'sandbox-stack sandbox-walls signature-worker signatures sqlite storage swarm verify-ledger websocket within'
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

/** Written and tested ahead of what will use them. */
export const AWAITED: string[] = []

export function floors(): Map<string, number> {
  const placed = Object.entries(FLOORS).flatMap(([floor, lines]) =>
    lines
      .flatMap(line => line.split(' '))
      .map((name): [string, number] => [`src/${name}.ts`, Number(floor)])
  )
  return new Map([...placed, ...SPINE.map((path): [string, number] => [path, SPINE_FLOOR])])
}
