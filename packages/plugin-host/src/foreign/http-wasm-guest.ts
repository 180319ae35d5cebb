/**
 * One guest of http-wasm. Its calls are hooks of `sluice:v1`: `handle_request` sees head and body of the request at once, and either goes on or
 * has made a reply; `handle_response` sees those of the reply.
 */
import { threadId } from 'node:worker_threads'
import { Reply } from '@sluice/core'
import { Body, HeaderList } from '@sluice/wire'
import type { GuestHooks } from '../abi/foreign-interface.ts'
import type { HttpHandlerFunctions } from '../abi/http-wasm.ts'
import { CONTINUE, REPLY, REQUEST, RESPOND } from '../abi/sluice-v1.ts'
import { outputFault } from '../fault.ts'
import type { Guest } from '../host-functions/guest.ts'
import { assertMayRespond, writeBody, writeField } from '../host-functions/message-edits.ts'
import type { WasmExports } from '../wasm/engine.ts'
import { httpWasmBodies } from './http-wasm-bodies.ts'
import { httpWasmFields } from './http-wasm-fields.ts'
import { httpWasmMessage } from './http-wasm-message.ts'

/** What `handle_request` leaves for `handle_response`. */
interface Carried {
  /** The instance whose number it is: to another, after a fault in between, it says nothing. Plain data, since it may go to another thread. */
  readonly by: string
  /** The guest's own number. */
  readonly number: number
  /** Fields that it has set of the reply before there was one, names and values by turns. */
  readonly fields: readonly string[]
}

const DEFAULT_STATUS = 200

let instances = 0

export class HttpWasmGuest {
  /** One of its own in the whole process. */
  readonly #id = `${threadId}.${++instances}`
  readonly guest: Guest
  readonly functions: HttpHandlerFunctions
  /** The reply that `handle_request` makes up, until it is known whether there will be one. */
  draft: HeaderList = new HeaderList()
  draftStatus: number = DEFAULT_STATUS
  /** What was written as body, in pieces: of the request, of the reply. */
  written: [request: Uint8Array[] | undefined, reply: Uint8Array[] | undefined] = [undefined, undefined]
  /** Where reading goes on. */
  readAt = 0

  constructor(guest: Guest) {
    this.guest = guest
    this.functions = { ...httpWasmMessage(this), ...httpWasmFields(this), ...httpWasmBodies(this) }
  }

  /** Whether it is `handle_request` that runs, and the reply is the guest's own. */
  get isDrafting(): boolean {
    return this.guest.call.hook === 'on_request_head'
  }

  hooks(exports: WasmExports): GuestHooks {
    const onRequest = exports['handle_request'] as (() => bigint) | undefined
    const onResponse = exports['handle_response'] as ((number: number, isError: number) => void) | undefined
    return {
      ...(onRequest && { on_request_head: () => this.#request(onRequest) }),
      ...(onResponse && { on_response_head: () => this.#response(onResponse) }),
    }
  }

  #request(onRequest: () => bigint): number {
    this.#begin()
    const result = BigInt.asUintN(64, onRequest())
    const next = result & 0xffffffffn
    if (next === 0n) return this.#respond()
    if (next !== 1n) throw outputFault(`handle_request returned ${next} as next, which is neither 0 nor 1`)
    const { call, names } = this.guest
    const fields = this.draft.raw()
    for (let i = 0; i < fields.length; i += 2)
      if (!names.make(fields[i]!).write[REPLY])
        throw outputFault(`writing the field "${fields[i]}" needs capabilities.replyHeaders.write`)
    this.#finishBody(REQUEST)
    const number = Number(result >> 32n)
    if (number !== 0 || fields.length > 0)
      call.state!.carried = { by: this.#id, number, fields: [...fields] } satisfies Carried
    return CONTINUE
  }

  #respond(): number {
    const { call } = this.guest
    assertMayRespond(this.guest)
    const body = Buffer.concat(this.written[REPLY] ?? [])
    call.localReply = new Reply(this.draftStatus, this.draft, Body.of(body))
    return RESPOND
  }

  #response(onResponse: (number: number, isError: number) => void): number {
    this.#begin()
    const { guest } = this
    const { call, names } = guest
    const carried = call.state?.carried as Carried | undefined
    const fields = carried?.fields ?? []
    const hasFailed = call.reply === undefined
    if (!hasFailed)
      for (let i = 0; i < fields.length; i += 2) writeField(guest, REPLY, names.make(fields[i]!), fields[i + 1]!, true)
    onResponse(carried?.by === this.#id ? carried.number : 0, hasFailed ? 1 : 0)
    this.#finishBody(REPLY)
    return CONTINUE
  }

  #begin(): void {
    this.draft = new HeaderList()
    this.draftStatus = DEFAULT_STATUS
    this.written = [undefined, undefined]
    this.readAt = 0
  }

  #finishBody(kind: typeof REQUEST | typeof REPLY): void {
    const pieces = this.written[kind]
    if (pieces !== undefined) writeBody(this.guest, kind, Buffer.concat(pieces))
  }
}
