// A state in memory, for tests: applies writes as a checkpoint would.

import type { Call, Executed, Ran, Row, StateReader } from '../src/call.ts'
import { hash } from '../src/crypto.ts'
import { parentOf } from '../src/path.ts'

export class MemoryState implements StateReader {
  readonly rows: Map<string, Row> = new Map()
  readonly contents: Map<string, Uint8Array> = new Map()

  row(path: string): Row | undefined {
    return this.rows.get(path)
  }

  content(path: string): Uint8Array {
    const content = this.contents.get(path)
    if (!content) throw new Error(`${path} is not a file`)
    return content
  }

  list(path: string): string[] {
    const children = [...this.rows.keys()].filter(below => parentOf(below) === path)
    const names = children.map(below => Buffer.from(below.slice(below.lastIndexOf('/') + 1)))
    return names.sort(Buffer.compare).map(String)
  }

  apply({ seq, time }: Call, ran: Ran): void {
    for (const write of (ran as Executed).writes) {
      this.rows.delete(write.path)
      this.contents.delete(write.path)
      if (write.type === 'absent') continue
      const isFile = write.type === 'file'
      const size = isFile ? write.content.length : 0
      const digest = isFile ? hash(write.content) : new Uint8Array(32)
      this.rows.set(write.path, { type: write.type, size, hash: digest, seq, time })
      if (isFile) this.contents.set(write.path, write.content)
    }
  }
}
