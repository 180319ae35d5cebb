/** What came of a call, on its way back: what the plugin has changed, as it is to be changed in the exchange itself. */
import { type Exchange, PluginError, type PluginErrorCode, Reply } from '@sluice/core'
import { Body, HeaderList } from '@sluice/wire'
import type { FormReader } from '../abi/binary-form.ts'
import { REPLY, RESPOND } from '../abi/sluice-v1.ts'
import type { HookSubject } from '../exchange/hook-call.ts'
import { FAULTED, type HookOwner, type Outcome } from '../exchange/hook-runner.ts'
import { FROM_THREAD } from './frame-kinds.ts'
import type { FrameWriter } from './frame-writer.ts'
import { EDIT_FIELD, type EditedFields, type FieldEdit, type RemoteExchange } from './remote-exchange.ts'

/** Bits: what was changed. */
const HAS = { head: 1, body: 2, state: 4, result: 8, carried: 16 } as const

const NO_BYTES = new Uint8Array(0)

/** Numbers of the thread and of the call. */
export interface CallNumbers {
  readonly fuel: number
  readonly pages: number
  /** Of the thread, since it began. */
  readonly made: number
  readonly denials: number
  readonly instances: number
  readonly free: number
}

/** Writes it. `before` is the state that the call came with. */
export function writeOutcome(
  out: FrameWriter,
  number: number,
  outcome: Outcome,
  owner: HookOwner,
  subject: HookSubject,
  before: { readonly state: Uint8Array | undefined; readonly carried: unknown },
  numbers: CallNumbers,
): FrameWriter {
  out
    .begin(FROM_THREAD.outcome)
    .number(number)
    .number(outcome + 1)
  out.double(numbers.fuel).number(numbers.pages).number(numbers.made).number(numbers.denials)
  out.number(numbers.instances).number(numbers.free)
  if (outcome === FAULTED) {
    const { code, message, cause } = owner.fault!
    return out.text(code).wide(message).maybe(causeOf(cause))
  }
  const hasHead = subject.writable >= 0
  out.number(
    (hasHead ? HAS.head : 0) |
      (owner.newBody === undefined ? 0 : HAS.body) |
      (owner.state === before.state ? 0 : HAS.state) |
      (owner.result === undefined ? 0 : HAS.result) |
      (owner.carried === before.carried ? 0 : HAS.carried),
  )
  if (hasHead) writeHead(out, subject)
  if (owner.newBody !== undefined) out.bytes(owner.newBody)
  if (owner.state !== before.state) out.bytes(owner.state!)
  if (owner.result !== undefined) out.wide(JSON.stringify(owner.result))
  if (owner.carried !== before.carried) out.wide(JSON.stringify(owner.carried))
  if (outcome === RESPOND) {
    const { status, headers, body } = owner.localReply!
    out
      .number(status)
      .fields(headers.raw())
      .bytes(body.inMemory ?? NO_BYTES)
  }
  return out
}

function writeHead(out: FrameWriter, { writable, exchange, reply }: HookSubject): void {
  const { request, before } = exchange as unknown as RemoteExchange
  if (writable === REPLY) {
    out.number(reply!.status)
    writeEdits(out, reply!.headers as EditedFields)
    return
  }
  out.maybe(request.method === before.method ? undefined : request.method)
  out.maybe(request.target === before.target ? undefined : request.target)
  writeEdits(out, request.headers as EditedFields)
}

function writeEdits(out: FrameWriter, { edits }: EditedFields): void {
  out.number(edits.length)
  for (const { what, name, value } of edits) out.number(what).text(name).text(value)
}

function causeOf(cause: unknown): string | undefined {
  return cause instanceof Error ? (cause.stack ?? cause.message) : undefined
}

/** Reads the numbers, behind the outcome. */
export function readNumbers(form: FormReader): CallNumbers {
  return {
    fuel: form.double(),
    pages: form.number(),
    made: form.number(),
    denials: form.number(),
    instances: form.number(),
    free: form.number(),
  }
}

/** Reads why a call has failed. */
export function readFault(form: FormReader, plugin: string): PluginError {
  const code = form.text() as PluginErrorCode
  const message = form.wide()
  const stack = form.maybe()
  const cause = stack === undefined ? undefined : Object.assign(new Error(stack.split('\n', 1)[0]), { stack })
  return new PluginError(code, { message, plugin, cause })
}

/** Makes the changes that follow the numbers, to the exchange and to whoever wanted the call. */
export function applyOutcome(form: FormReader, outcome: Outcome, owner: HookOwner, subject: HookSubject): void {
  const has = form.number()
  if ((has & HAS.head) !== 0) applyHead(form, subject)
  owner.newBody = (has & HAS.body) === 0 ? undefined : form.bytes()
  if ((has & HAS.state) !== 0) owner.state = form.bytes()
  if ((has & HAS.result) !== 0) owner.result = JSON.parse(form.wide()) as unknown
  if ((has & HAS.carried) !== 0) owner.carried = JSON.parse(form.wide()) as unknown
  owner.localReply = undefined
  if (outcome !== RESPOND) return
  const status = form.number()
  const headers = HeaderList.received(form.fields())
  owner.localReply = new Reply(status, headers, Body.of(form.bytes()))
}

function applyHead(form: FormReader, { writable, exchange, reply }: HookSubject): void {
  if (writable === REPLY) {
    reply!.status = form.number()
    applyEdits(form, reply!.headers)
    return
  }
  const { request } = exchange as Exchange
  const method = form.maybe()
  const target = form.maybe()
  if (method !== undefined) request.method = method
  if (target !== undefined) request.target = target
  applyEdits(form, request.headers)
}

function applyEdits(form: FormReader, headers: HeaderList): void {
  for (let left = form.number(); left > 0; left--) {
    const edit: FieldEdit = { what: form.number(), name: form.text(), value: form.text() }
    if (edit.what === EDIT_FIELD.set) headers.set(edit.name, edit.value)
    else if (edit.what === EDIT_FIELD.add) headers.append(edit.name, edit.value)
    else headers.delete(edit.name)
  }
}
