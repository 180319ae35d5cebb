/** What a guest on another thread stands still for, answered on the proxy's own. */
import type { FormReader } from '../abi/binary-form.ts'
import { DENIED, LIMIT } from '../abi/sluice-v1.ts'
import type { PluginServices } from '../host-functions/guest.ts'
import type { HttpCalls } from '../http/http-calls.ts'
import { ASK } from './frame-kinds.ts'
import type { FrameWriter } from './frame-writer.ts'

/** Tells the thread of a call of a hook that a call by HTTP has ended. */
export type TellEnded = (call: number, write: (out: FrameWriter) => void) => void

/** Writes the answer to `out`, which begins with a number that says nothing. */
export function answerQuestion(
  question: FormReader,
  out: FrameWriter,
  services: PluginServices,
  callsOf: (call: number) => HttpCalls | undefined,
  tellEnded: TellEnded,
): void {
  const { kv } = services
  const kind = question.number()
  switch (kind) {
    case ASK.kvGet: {
      const value = kv?.get(question.text())
      out.begin(value === undefined ? 0 : 1)
      if (value !== undefined) out.bytes(value)
      return
    }
    case ASK.kvSet:
      return number(out, kv?.set(question.text(), question.bytes(), question.double()) ?? DENIED)
    case ASK.kvDelete:
      return number(out, kv?.delete(question.text()) === true ? 1 : 0)
    case ASK.kvIncrement:
      return number(out, kv?.increment(question.text(), question.double(), question.double()) ?? Number.NaN)
    case ASK.kvSwap: {
      const key = question.text()
      const expected = question.number() === 0 ? undefined : question.bytes()
      return number(out, kv?.compareAndSwap(key, expected, question.bytes(), question.double()) ?? DENIED)
    }
    case ASK.http:
      return number(out, beginHttp(question, services, callsOf, tellEnded))
    default: {
      out.begin(0)
      for (let left = question.number(); left > 0; left--) out.double(services.random())
    }
  }
}

function number(out: FrameWriter, value: number): void {
  out.begin(0).double(value)
}

function beginHttp(
  question: FormReader,
  { http }: PluginServices,
  callsOf: (call: number) => HttpCalls | undefined,
  tellEnded: TellEnded,
): number {
  const call = question.number()
  const request = {
    method: question.text(),
    url: question.text(),
    timeoutMs: question.number(),
    fields: question.fields(),
    body: question.bytes(),
  }
  const calls = callsOf(call)
  if (http === undefined) return DENIED
  if (calls === undefined) return LIMIT
  const ended = (number: number): void =>
    tellEnded(call, (out) => {
      const reply = calls.reply(number)
      out.number(number).maybe(reply === undefined ? (calls.problem(number) ?? 'protocol') : undefined)
      if (reply !== undefined) out.number(reply.status).fields(reply.fields).bytes(reply.body)
    })
  calls.listener ??= ended
  return http.begin(request, calls)
}
