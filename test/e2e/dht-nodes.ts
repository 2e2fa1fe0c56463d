// Some nodes of a DHT at one address of this machine, as a program: it says where they are, and runs until it is ended.

import { openTestnet } from '../../src/swarm.ts'

const NODES = 2

const testnet = await openTestnet(NODES, process.argv[2])
process.stdout.write(`${JSON.stringify({ event: 'ready', bootstrap: testnet.bootstrap })}\n`)
setInterval(() => {}, 60_000)
