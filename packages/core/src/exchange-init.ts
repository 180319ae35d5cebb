/** What an exchange begins with: what a listener hands over, and the way back to its client. */
import type { HeaderList } from '@sluice/wire'
import type { Client } from './client.ts'
import type { ExchangeRequest, ReceivedRequest } from './exchange-request.ts'

/** The listener's side of an exchange. */
export interface Downstream {
  /** Sends a 1xx reply ahead of the final one (RFC 9110, section 15.2), where the client's protocol can carry it. */
  informational(status: number, headers: HeaderList): void
}

/** What a listener hands over when a request head has arrived. */
export interface ExchangeInit {
  readonly received: ReceivedRequest
  readonly request: ExchangeRequest
  readonly client: Client
  readonly downstream: Downstream
}
