/**
 * What sets an exchange apart that was detached from another: nobody, or not its own client, hears what its target says ahead of a
 * reply. The rest it shares with a branch; see {@link Exchange.detached}.
 */
import type { HeaderList } from '@sluice/wire'
import type { Downstream } from './exchange-init.ts'
import type { Exchange } from './exchange.ts'

/** See {@link Exchange.detached}. */
export interface DetachedOptions {
  /**
   * Whether this exchange waits for it: then the attempts of the other are listed among its own as well, and 1xx replies reach
   * its client while there is one. @default false
   */
  readonly awaited?: boolean
}

/** Passes 1xx replies to the client of an exchange that waits, and may have ended meanwhile. */
export class AwaitingDownstream implements Downstream {
  readonly #exchange: Exchange

  constructor(exchange: Exchange) {
    this.#exchange = exchange
  }

  informational(status: number, headers: HeaderList): void {
    if (this.#exchange.aborted === undefined) this.#exchange.downstream.informational(status, headers)
  }
}

/** Of one that nobody waits for. */
export const NO_DOWNSTREAM: Downstream = Object.freeze({ informational() {} })
