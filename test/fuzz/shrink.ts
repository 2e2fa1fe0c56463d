// Makes a contract that shows a mismatch smaller while it still shows one: fewer calls, then fewer lines.

import { ContractRefused, compileContract } from '../../src/contract.ts'
import type { Generated } from './contracts.ts'

/** `shows` runs a smaller contract and says whether the mismatch is still there. `tries`: how often at most. */
export async function shrink(
  generated: Generated,
  shows: (smaller: Generated) => Promise<boolean>,
  tries = 400
): Promise<Generated> {
  let left = tries
  const stillShows = async (smaller: Generated): Promise<boolean> => {
    if (left <= 0 || !compiles(smaller.source)) return false
    left--
    return shows(smaller)
  }
  const calls = await fewer(generated.calls, calls => stillShows({ ...generated, calls }))
  const lines = await fewer(generated.source.split('\n'), lines =>
    stillShows({ ...generated, calls, source: lines.join('\n') })
  )
  return { ...generated, calls, source: lines.join('\n') }
}

/** Drops runs of items, long ones first, while `keeps` holds; until nothing more can go. */
async function fewer<T>(items: T[], keeps: (items: T[]) => Promise<boolean>): Promise<T[]> {
  let kept = items
  for (let before = -1; before !== kept.length; ) {
    before = kept.length
    for (let size = kept.length; size >= 1; size = size > 8 ? size >> 1 : size - 1) {
      for (let at = 0; at + size <= kept.length; ) {
        const rest = [...kept.slice(0, at), ...kept.slice(at + size)]
        if (rest.length > 0 && (await keeps(rest))) kept = rest
        else at += size === 1 || size > 16 ? size : 1
      }
    }
  }
  return kept
}

function compiles(source: string): boolean {
  try {
    compileContract(source)
    return true
  } catch (error) {
    if (error instanceof ContractRefused) return false
    throw error
  }
}
