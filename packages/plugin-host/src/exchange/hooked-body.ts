import type { PluginError } from '@sluice/core'
/**
 * A body that flows through a plugin, chunk by chunk. While a hook waits (it has paused, or all instances are taken) the
 * source is asked to wait as well, and what it sends all the same is kept in its order.
 */
import type { Body, BodyFlow, BodySink, HeaderList } from '@sluice/wire'
import { SKIP } from '../abi/sluice-v1.ts'
import { FAULTED, type Outcome } from './hook-runner.ts'

/** The plugin's side. */
export interface ChunkHook {
  /** Calls the hook with a chunk; after the last one with none. */
  call(chunk: Uint8Array, isLast: boolean): Outcome | Promise<Outcome>
  /** What goes on in the chunk's place; missing where the hook left it as it is. */
  takeNewChunk(): Uint8Array | undefined
  /** What was wrong, after `FAULTED`; missing where the body goes on without the plugin all the same. */
  takeFault(): PluginError | undefined
  /** It wants no more chunks: the rest passes it by. */
  skipped(): void
  /** No chunk will come any more. */
  over(): void
}

/** The body as the plugin leaves it. Its length is not known before its end. */
export function hookBody(body: Body, hook: ChunkHook): Body {
  return body.transform((sink) => new HookedSink(sink, hook))
}

const NO_BYTES = new Uint8Array(0)

class HookedSink implements BodySink, BodyFlow {
  readonly #sink: BodySink
  readonly #hook: ChunkHook
  #flow!: BodyFlow
  readonly #queue: Uint8Array[] = []
  #isBusy = false
  #isBypassed = false
  #isOver = false
  /** Set when the source has ended. */
  #end: { readonly trailers: HeaderList | undefined } | undefined = undefined

  constructor(sink: BodySink, hook: ChunkHook) {
    this.#sink = sink
    this.#hook = hook
  }

  begin(flow: BodyFlow): void {
    this.#flow = flow
    this.#sink.begin(this)
  }

  /** Of the reader: it has room again. */
  resume(): void {
    if (!this.#isBusy && !this.#isOver) this.#flow.resume()
  }

  cancel(error: Error): void {
    this.#finish()
    this.#flow.cancel(error)
  }

  write(chunk: Uint8Array): boolean {
    if (this.#isOver) return true
    if (this.#isBusy) {
      this.#queue.push(chunk)
      return false
    }
    return this.#pass(chunk)
  }

  end(trailers?: HeaderList): void {
    if (this.#isOver) return
    this.#end = { trailers }
    if (!this.#isBusy) this.#passEnd()
  }

  abort(error: Error): void {
    if (this.#isOver) return
    this.#finish()
    this.#sink.abort(error)
  }

  /** Whether the reader wants more. */
  #pass(chunk: Uint8Array): boolean {
    if (this.#isBypassed) return this.#sink.write(chunk)
    const outcome = this.#hook.call(chunk, false)
    if (typeof outcome === 'number') return this.#passed(chunk, outcome)
    this.#isBusy = true
    void this.#passLater(chunk, outcome)
    return false
  }

  async #passLater(chunk: Uint8Array, pending: Promise<Outcome>): Promise<void> {
    const outcome = await pending
    if (this.#isOver) return
    this.#isBusy = false
    let wantsMore = this.#passed(chunk, outcome)
    while (!this.#isBusy && !this.#isOver && this.#queue.length > 0) wantsMore = this.#pass(this.#queue.shift()!)
    if (this.#isBusy || this.#isOver) return
    if (this.#end !== undefined) this.#passEnd()
    else if (wantsMore) this.#flow.resume()
  }

  #passed(chunk: Uint8Array, outcome: Outcome): boolean {
    const out = this.#settle(outcome) ?? chunk
    return this.#isOver || out.length === 0 || this.#sink.write(out)
  }

  #passEnd(): void {
    const outcome = this.#isBypassed ? SKIP : this.#hook.call(NO_BYTES, true)
    if (typeof outcome === 'number') return this.#passedEnd(outcome)
    this.#isBusy = true
    void this.#passEndLater(outcome)
  }

  async #passEndLater(pending: Promise<Outcome>): Promise<void> {
    const outcome = await pending
    this.#isBusy = false
    if (!this.#isOver) this.#passedEnd(outcome)
  }

  #passedEnd(outcome: Outcome): void {
    const out = this.#settle(outcome)
    if (this.#isOver) return
    if (out !== undefined && out.length > 0) this.#sink.write(out)
    this.#finish()
    this.#sink.end(this.#end!.trailers)
  }

  /** The chunk in the place of the one at hand. */
  #settle(outcome: Outcome): Uint8Array | undefined {
    if (this.#isBypassed) return undefined
    if (outcome === SKIP) {
      this.#isBypassed = true
      this.#hook.skipped()
    }
    if (outcome !== FAULTED) return this.#hook.takeNewChunk()
    this.#isBypassed = true
    const fault = this.#hook.takeFault()
    if (fault === undefined) return undefined
    this.#finish()
    this.#flow.cancel(fault)
    this.#sink.abort(fault)
    return undefined
  }

  #finish(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#queue.length = 0
    this.#hook.over()
  }
}
