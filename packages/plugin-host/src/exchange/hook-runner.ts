/**
 * Who runs the hooks of one version: on the proxy's own thread (`inline-runner.ts`), or on one of its own
 * (`../worker/worker-runner.ts`). Breaker, draining and counting are the version's, whoever runs them.
 */
import type { Exchange, PluginError, Reply } from '@sluice/core'
import type { HookName } from '../abi/sluice-v1.ts'
import type { HookAction } from '../events.ts'
import type { ExchangeState, HookSubject } from './hook-call.ts'

/** A call that has failed or could not be made; `owner.fault` says why. */
export const FAULTED = -1

/** What came of a hook: `CONTINUE`, `RESPOND` with `localReply`, `SKIP`, or `FAULTED` with `fault`. */
export type Outcome = number

/** Who wants a hook called: what comes of it is left here. */
export interface HookOwner extends ExchangeState {
  fault: PluginError | undefined
  localReply: Reply | undefined
  /** What takes the place of the body at hand. */
  newBody: Uint8Array | undefined
}

/** What an observer of calls is told. */
export interface HookEvents {
  /** An instance was made. */
  made(): void
  /** A call has ended well: what a breaker waits for. */
  succeeded(): void
  /** A call has ended. */
  called(
    hook: HookName,
    exchange: Exchange | undefined,
    action: HookAction,
    durationMs: number,
    fuel: number,
    pages: number,
  ): void
  /** A call has failed, or could not be made. Gives the error that the exchange is told. */
  faulted(error: unknown, exchange: Exchange | undefined, hook: HookName): PluginError
}

/** Runs them. */
export interface HookRunner {
  /** Makes the first instance. Rejects where it refuses. */
  open(): Promise<void>
  /** How many instances there are, and how many of them are free. */
  readonly instances: { readonly total: number; readonly free: number }
  /** Threads of its own, and those that were lost; both 0 inline. */
  readonly threads: { readonly live: number; readonly lost: number }
  /** Calls a hook. At once where an instance is free and the hook does not pause. Never throws. */
  run(owner: HookOwner, subject: HookSubject, isLast: number): Outcome | Promise<Outcome>
  /** Frees its instances; an exchange that still needs one gets one made for it. */
  close(): void
}
