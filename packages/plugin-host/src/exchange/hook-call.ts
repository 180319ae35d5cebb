/**
 * One call of a hook, as host functions see it: which exchange it is about, what may be written at this point, what was
 * written so far, and how to take it back. An instance has one of these for its whole life, since it serves one call at a time.
 */
import type { Exchange, ExchangeEnd, Reply } from '@sluice/core'
import type { HeaderList } from '@sluice/wire'
import { type HookName, REPLY, REQUEST } from '../abi/sluice-v1.ts'
import { limitFault } from '../fault.ts'
import type { HttpCalls } from '../http/http-calls.ts'
import type { ResolvedLimits } from '../manifest/limits.ts'

/** What a plugin keeps of one exchange from hook to hook. */
export interface ExchangeState {
  /** Of `set_state`. */
  state: Uint8Array | undefined
  /** Of `set_result`, parsed. */
  result: unknown
  /** What an interface of others keeps. Written last, when a call has succeeded. */
  carried: unknown
}

/** What may be written: the request, the reply, or nothing. */
export type Writable = typeof REQUEST | typeof REPLY | -1

/** What a call begins with. */
export interface HookSubject {
  readonly hook: HookName
  readonly exchange: Exchange | undefined
  readonly reply: Reply | undefined
  readonly state: ExchangeState | undefined
  readonly writable: Writable
  /** Which body is at hand, or may be replaced; -1 for none. */
  readonly bodyKind: Writable
  readonly body: Uint8Array | undefined
  readonly end: ExchangeEnd | undefined
}

/** What a field counts beside its text, as in HTTP/2 (RFC 9113, section 6.5.2): else empty ones would be free. */
const FIELD_BYTES = 32

/** The state of a call. */
export class HookCall {
  readonly #limits: ResolvedLimits
  readonly http: HttpCalls
  hook: HookName = 'on_init'
  exchange: Exchange | undefined = undefined
  reply: Reply | undefined = undefined
  state: ExchangeState | undefined = undefined
  end: ExchangeEnd | undefined = undefined
  writable: Writable = -1
  bodyKind: Writable = -1
  /** The body at hand, or what takes its place. */
  body: Uint8Array | undefined = undefined
  /** Whether `body` was written. */
  hasNewBody = false
  localReply: Reply | undefined = undefined
  /** The last line of level error. */
  complaint: string | undefined = undefined
  #outputBytes = 0
  #headerBytes = 0
  #logBytes = 0
  #headersBefore: HeaderList | undefined = undefined
  #methodBefore: string | undefined = undefined
  #targetBefore: string | undefined = undefined
  #statusBefore = 0
  #stateBefore: Uint8Array | undefined = undefined
  #resultBefore: unknown = undefined

  constructor(limits: ResolvedLimits, http: HttpCalls) {
    this.#limits = limits
    this.http = http
  }

  begin(subject: HookSubject): void {
    const { exchange, reply, state } = subject
    this.hook = subject.hook
    this.exchange = exchange
    this.reply = reply
    this.state = state
    this.end = subject.end
    this.writable = subject.writable
    this.bodyKind = subject.bodyKind
    this.body = subject.body
    this.hasNewBody = false
    this.localReply = undefined
    // Nobody waits for what these two ask.
    this.http.isDetached = subject.hook === 'on_log' || subject.hook === 'on_tick'
    this.#outputBytes = this.#headerBytes = this.#logBytes = 0
    this.#headersBefore = undefined
    this.#methodBefore = this.#targetBefore = undefined
    this.#statusBefore = 0
    if (state === undefined) return
    this.#stateBefore = state.state
    this.#resultBefore = state.result
  }

  /** Lets go of the exchange: an instance that waits for its next call holds none. */
  release(): void {
    this.exchange = this.reply = this.state = this.end = this.body = this.localReply = undefined
    this.#headersBefore = this.#stateBefore = undefined
    this.#resultBefore = undefined
    this.writable = this.bodyKind = -1
    this.http.finish()
  }

  /** Fields to read. */
  headers(kind: number): HeaderList | undefined {
    return kind === REQUEST ? this.exchange?.request.headers : this.reply?.headers
  }

  /** Fields to write; missing where this is not the time for it. What they were is remembered at the first write. */
  writableHeaders(kind: number): HeaderList | undefined {
    if (kind !== this.writable) return undefined
    const headers = this.headers(kind)!
    this.#headersBefore ??= headers.copy()
    return headers
  }

  /** Remembers what {@link undo} needs before a property is written. */
  willWriteHead(): void {
    if (this.writable === REPLY) {
      if (this.#statusBefore === 0) this.#statusBefore = this.reply!.status
    } else {
      const { request } = this.exchange!
      this.#methodBefore ??= request.method
      this.#targetBefore ??= request.target
    }
  }

  /** Counts a field that a call writes, and what it costs to hold. @throws {PluginError} `ERR_SLUICE_PLUGIN_LIMIT` */
  spendHeader(bytes: number): void {
    this.#headerBytes += bytes + FIELD_BYTES
    if (this.#headerBytes > this.#limits.headerBytes)
      throw limitFault(`a call writes more than ${this.#limits.headerBytes} bytes of fields`)
  }

  /** Counts what a call writes as bodies. @throws {PluginError} `ERR_SLUICE_PLUGIN_LIMIT` */
  spendOutput(bytes: number): void {
    this.#outputBytes += bytes
    if (this.#outputBytes > this.#limits.outputBytes)
      throw limitFault(`a call writes more than ${this.#limits.outputBytes} bytes`)
  }

  /** How many of `bytes` may still be logged. */
  spendLog(bytes: number): number {
    const left = Math.max(0, this.#limits.logBytes - this.#logBytes)
    this.#logBytes += bytes
    return Math.min(left, bytes)
  }

  /** Takes back what the call wrote to the exchange, as if it had not been. */
  undo(): void {
    const { exchange, reply, state } = this
    if (this.#headersBefore !== undefined) restore(this.headers(this.writable)!, this.#headersBefore)
    if (this.#methodBefore !== undefined) exchange!.request.method = this.#methodBefore
    if (this.#targetBefore !== undefined && this.#targetBefore !== exchange!.request.target)
      exchange!.request.target = this.#targetBefore
    if (this.#statusBefore !== 0) reply!.status = this.#statusBefore
    if (state !== undefined) {
      state.state = this.#stateBefore
      state.result = this.#resultBefore
    }
    this.hasNewBody = false
    this.localReply = undefined
  }
}

/** In place: others hold the list. */
function restore(headers: HeaderList, before: HeaderList): void {
  headers.deleteWhere(() => true)
  for (const [name, value] of before) headers.append(name, value)
}
