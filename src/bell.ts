// A bell: turns events into something that a loop waits for at its own pace. Rings add up to one.

export class Bell {
  #rung = false
  #wake: (() => void) | null = null

  ring(): void {
    this.#rung = true
    this.#wake?.()
  }

  /** Resolves at the next ring, at once if it rang since the last wait, or after `timeoutMs`. One waiter at a time. */
  async wait(timeoutMs?: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined
    if (!this.#rung) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
        if (timeoutMs !== undefined) timer = setTimeout(resolve, timeoutMs)
      })
    }
    clearTimeout(timer)
    this.#wake = null
    this.#rung = false
  }
}
