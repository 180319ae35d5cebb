/** An end of a tunnel that does what a test tells it, and remembers what it was told. */
import type { TunnelEnd, TunnelReader } from '../../src/tunnel/tunnel-end.ts'

export class RecordedEnd implements TunnelEnd {
  written = ''
  /** What the tunnel did to it, in order. */
  readonly calls: string[] = []
  /** Whether it asks its writer to wait. */
  isFull = false
  /** Whether it takes what is written to it; otherwise `end` has to wait. */
  takes = true
  #reader: TunnelReader | undefined
  #isGone = false

  open(reader: TunnelReader): void {
    this.#reader = reader
    if (this.#isGone) reader.closed(undefined)
  }

  write(chunk: Buffer): boolean {
    this.written += chunk.toString('latin1')
    return !this.isFull
  }

  resume(): void {
    this.calls.push('resume')
  }

  end(flushed?: () => void): void {
    this.calls.push('end')
    if (this.takes) flushed?.()
  }

  reset(): void {
    this.calls.push('reset')
    this.#gone()
  }

  destroy(): void {
    this.calls.push('destroy')
    this.#gone()
  }

  drain(withinMs: number): void {
    this.calls.push(`drain ${withinMs}`)
  }

  /** Bytes come from its peer; says whether more are wanted. */
  say(text: string): boolean {
    return this.#reader!.bytes(Buffer.from(text))
  }

  /** There is room again. */
  empty(): void {
    this.isFull = false
    this.#reader!.drained()
  }

  /** Its peer ends in order. */
  leave(): void {
    this.#reader!.ended()
  }

  /** Its connection is gone. */
  vanish(error?: Error): void {
    this.#gone(error)
  }

  #gone(error?: Error): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#reader?.closed(error)
  }
}
