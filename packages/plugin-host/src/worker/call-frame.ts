/**
 * A call of a hook on its way to the plugin's thread: the head as `sluice:v1` has it in binary, with those fields that the plugin may
 * read or write, and of everything else as much as was granted.
 */
import { type Exchange, type ExchangeEnd, identity, type Reply } from '@sluice/core'
import type { HeaderList } from '@sluice/wire'
import type { FormReader } from '../abi/binary-form.ts'
import { HeaderNames } from '../abi/header-names.ts'
import { HOOK_NAMES, REPLY, REQUEST } from '../abi/sluice-v1.ts'
import type { HookSubject, Writable } from '../exchange/hook-call.ts'
import type { ResolvedManifest } from '../manifest/resolve-manifest.ts'
import { TO_THREAD } from './frame-kinds.ts'
import type { FrameWriter } from './frame-writer.ts'
import { RemoteExchange, remoteReply } from './remote-exchange.ts'

/** Bits: what a call comes with. */
const HAS = { exchange: 1, reply: 2, body: 4, end: 8, state: 16, kept: 32 } as const

const NO_SUBJECT = {
  exchange: undefined,
  reply: undefined,
  state: undefined,
  body: undefined,
  end: undefined,
} as const

/** Writes calls of one plugin. */
export class CallWriter {
  readonly #names: HeaderNames
  readonly #mayReadAddress: boolean
  readonly #mayReadSubject: boolean

  constructor({ capabilities }: ResolvedManifest) {
    this.#names = new HeaderNames(capabilities)
    this.#mayReadAddress = capabilities.mayReadProperty('client.address')
    this.#mayReadSubject = capabilities.mayReadProperty('identity.subject')
  }

  /** `number` is the call's; `now` and `wallTime` are the time in which the guest runs. */
  write(
    out: FrameWriter,
    number: number,
    now: number,
    wallTime: number,
    subject: HookSubject,
    isLast: number,
  ): FrameWriter {
    const { exchange, reply, body, end, state } = subject
    const carried = state?.carried
    out.begin(TO_THREAD.call).number(number).double(now).double(wallTime)
    out.number(HOOK_NAMES.indexOf(subject.hook))
    out
      .number(subject.writable + 1)
      .number(subject.bodyKind + 1)
      .number(isLast)
    out.number(
      (exchange === undefined ? 0 : HAS.exchange) |
        (reply === undefined ? 0 : HAS.reply) |
        (body === undefined ? 0 : HAS.body) |
        (end === undefined ? 0 : HAS.end) |
        (state === undefined ? 0 : HAS.kept) |
        (state?.state === undefined ? 0 : HAS.state),
    )
    if (exchange !== undefined) this.#exchange(out, exchange)
    if (reply !== undefined) this.#reply(out, reply)
    if (end !== undefined) {
      out.double(end.durationMs).double(end.bodyBytes)
      out.maybe((end.error as { readonly code?: string } | undefined)?.code)
    }
    if (body !== undefined) out.bytes(body)
    if (state === undefined) return out
    if (state.state !== undefined) out.bytes(state.state)
    return out.maybe(carried === undefined ? undefined : JSON.stringify(carried))
  }

  #exchange(out: FrameWriter, exchange: Exchange): void {
    const { request, received, client, route } = exchange
    out.text(request.method).text(request.target).wide(request.authority)
    out.text(received.httpVersion).text(client.scheme)
    out.text(this.#mayReadAddress ? client.address : '').number(this.#mayReadAddress ? client.peer.port : 0)
    out.maybe(this.#mayReadSubject ? exchange.peek(identity)?.subject : undefined)
    out.maybe(route?.name)
    if (route !== undefined) {
      out.number(route.match.allowedAmbiguities)
      const params = Object.entries(exchange.params)
      out.number(params.length)
      for (const [name, value] of params) out.wide(name).wide(value)
    }
    this.#fields(out, REQUEST, request.headers)
  }

  #reply(out: FrameWriter, { status, error, headers }: Reply): void {
    out.number(status).maybe(error?.code)
    this.#fields(out, REPLY, headers)
  }

  #fields(out: FrameWriter, kind: typeof REQUEST | typeof REPLY, headers: HeaderList): void {
    const granted: string[] = []
    const flat = headers.raw()
    for (let i = 0; i < flat.length; i += 2) {
      const { read, write } = this.#names.of(flat[i]!)
      if (read[kind] || write[kind]) granted.push(flat[i]!, flat[i + 1]!)
    }
    out.fields(granted)
  }
}

/** A call as the plugin's thread has it. */
export interface ReadCall {
  readonly now: number
  readonly wallTime: number
  readonly isLast: number
  readonly subject: HookSubject
}

/** Reads what {@link CallWriter} wrote, behind its kind and its number. */
export function readCall(form: FormReader): ReadCall {
  const now = form.double()
  const wallTime = form.double()
  const hook = HOOK_NAMES[form.number()]!
  const writable = (form.number() - 1) as Writable
  const bodyKind = (form.number() - 1) as Writable
  const isLast = form.number()
  const has = form.number()
  const exchange = (has & HAS.exchange) === 0 ? undefined : readExchange(form)
  const reply = (has & HAS.reply) === 0 ? undefined : remoteReply(form.number(), form.maybe(), form.fields())
  const end = (has & HAS.end) === 0 ? undefined : readEnd(form, reply)
  const body = (has & HAS.body) === 0 ? undefined : form.bytes()
  const state = (has & HAS.state) === 0 ? undefined : form.bytes()
  const carried = (has & HAS.kept) === 0 ? undefined : form.maybe()
  const kept = {
    state,
    result: undefined,
    carried: carried === undefined ? undefined : (JSON.parse(carried) as unknown),
  }
  return {
    now,
    wallTime,
    isLast,
    subject: {
      ...NO_SUBJECT,
      hook,
      writable,
      bodyKind,
      exchange: exchange as Exchange | undefined,
      reply,
      end,
      body,
      state: (has & HAS.kept) === 0 ? undefined : kept,
    },
  }
}

function readExchange(form: FormReader): unknown {
  const method = form.text()
  const target = form.text()
  const authority = form.wide()
  const httpVersion = form.text()
  const scheme = form.text()
  const address = form.text()
  const port = form.number()
  const subject = form.maybe()
  const routeName = form.maybe()
  let allowedAmbiguities = 0
  const params: Record<string, string> = Object.create(null)
  if (routeName !== undefined) {
    allowedAmbiguities = form.number()
    for (let left = form.number(); left > 0; left--) {
      const name = form.wide()
      params[name] = form.wide()
    }
  }
  const route = routeName === undefined ? undefined : { name: routeName, match: { allowedAmbiguities } }
  const client = { scheme, address, peer: { port } }
  return new RemoteExchange({ method, target, authority, httpVersion, client, subject, route, params }, form.fields())
}

function readEnd(form: FormReader, reply: Reply | undefined): ExchangeEnd {
  const durationMs = form.double()
  const bodyBytes = form.double()
  const code = form.maybe()
  return {
    reply,
    durationMs,
    bodyBytes,
    error: code === undefined ? undefined : Object.assign(new Error(code), { code }),
  }
}
