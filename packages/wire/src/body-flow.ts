/**
 * How the bytes of a body get from one side to the other: a source writes straight into a sink. Two small interfaces in
 * place of streams, because a Node stream costs a proxy more than the parsing does (see docs/performance.md), and a
 * promise for each chunk costs as much again.
 *
 *   source --begin--> sink      once, first: hands over the flow
 *   source --write--> sink      a chunk; `false` asks the source to wait for `resume`
 *   source --end----> sink      complete, with trailers where there are any; or
 *   source --abort--> sink      it will never be complete
 *   sink ----resume-> source    go on
 *   sink ----cancel-> source    the rest is not wanted
 */
import type { HeaderList } from './header-list.ts'

/** The sink's handle on its source. */
export interface BodyFlow {
  /** Goes on after a `write` that returned `false`. */
  resume(): void
  /**
   * Gives up the rest. The source frees what it holds and makes no further call; a sink must ignore what arrives all the
   * same. Harmless after the end.
   */
  cancel(error: Error): void
}

/** Takes the bytes of one body. The chunks may be kept: no source writes into them again. */
export interface BodySink {
  /** Called once, before anything else. */
  begin(flow: BodyFlow): void
  /** Takes a chunk. `false` means: enough for now, wait for {@link BodyFlow.resume}. What still comes is taken as well. */
  write(chunk: Uint8Array): boolean
  /** The body is complete. */
  end(trailers?: HeaderList): void
  /** The body is cut short: what was written is not the whole of it, and whoever gets it must be told so. */
  abort(error: Error): void
}

/** Where the bytes of one body come from. */
export interface BodySource extends BodyFlow {
  /** Starts the flow into `sink`, which has had its `begin`. Called at most once; may write and end at once. */
  start(sink: BodySink): void
}

/** The flow of what is there already, and of what has not begun. */
export const NO_FLOW: BodyFlow = Object.freeze({ resume() {}, cancel() {} })
