/**
 * An exchange as the plugin's thread has it: as much of one as host functions read, and a list of what they write. The proxy's
 * own thread makes the same changes to the exchange itself, in their order, once the call has ended well.
 */
import { ExchangeRequest, Reply } from '@sluice/core'
import { Body, HeaderList } from '@sluice/wire'

/** Kinds of edits, as in `edit_head`. */
export const EDIT_FIELD = { set: 0, add: 1, remove: 2 } as const

/** One edit. */
export interface FieldEdit {
  readonly what: number
  readonly name: string
  /** Empty for a removal. */
  readonly value: string
}

/** Fields that remember what is done to them. */
export class EditedFields extends HeaderList {
  readonly edits: FieldEdit[] = []

  constructor(flat: string[]) {
    super(HeaderList.received(flat))
  }

  override set(name: string, value: string): this {
    super.set(name, value)
    this.edits.push({ what: EDIT_FIELD.set, name, value })
    return this
  }

  override append(name: string, value: string): this {
    super.append(name, value)
    this.edits.push({ what: EDIT_FIELD.add, name, value })
    return this
  }

  override delete(name: string): boolean {
    const isFound = super.delete(name)
    if (isFound) this.edits.push({ what: EDIT_FIELD.remove, name, value: '' })
    return isFound
  }
}

/** What is known of it. */
export interface RemoteExchangeParts {
  readonly method: string
  readonly target: string
  readonly authority: string
  readonly httpVersion: string
  readonly client: { readonly scheme: string; readonly address: string; readonly peer: { readonly port: number } }
  /** Who the client is, where that may be read. */
  readonly subject: string | undefined
  readonly route: { readonly name: string; readonly match: { readonly allowedAmbiguities: number } } | undefined
  readonly params: Readonly<Record<string, string>>
}

export class RemoteExchange {
  readonly request: ExchangeRequest
  readonly received: { readonly httpVersion: string }
  readonly client: RemoteExchangeParts['client']
  readonly route: RemoteExchangeParts['route']
  readonly params: Readonly<Record<string, string>>
  /** Method and target as they came. */
  readonly before: { readonly method: string; readonly target: string }
  readonly #subject: string | undefined
  readonly #controller = new AbortController()
  /** Called when a hook of it pauses: that is when somebody wants the signal. */
  onPause: (() => void) | undefined = undefined
  /** What the call took. */
  fuel = 0
  pages = 0

  constructor(parts: RemoteExchangeParts, fields: string[]) {
    const { method, target, authority, httpVersion, client, subject, route, params } = parts
    this.request = new ExchangeRequest(method, target, new EditedFields(fields), Body.empty, authority, undefined)
    this.received = { httpVersion }
    this.client = client
    this.route = route
    this.params = params
    this.before = { method, target }
    this.#subject = subject
  }

  /** The one slot that a plugin can read from: who the client is. */
  peek(): { readonly subject?: string } | undefined {
    return this.#subject === undefined ? undefined : { subject: this.#subject }
  }

  get signal(): AbortSignal {
    this.onPause?.()
    return this.#controller.signal
  }

  /** The client has left. */
  abort(): void {
    this.#controller.abort()
  }
}

/** A reply whose fields remember what is done to them. What its status was is not judged here. */
export function remoteReply(status: number, errorCode: string | undefined, fields: string[]): Reply {
  const reply = new Reply(200, new EditedFields(fields))
  reply.status = status
  if (errorCode !== undefined) reply.error = { code: errorCode } as NonNullable<Reply['error']>
  return reply
}
