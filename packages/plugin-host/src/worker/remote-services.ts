import type { Clock } from '@sluice/wire'
import type { FormReader } from '../abi/binary-form.ts'
/** What host functions need beside the exchange, on the plugin's thread: asked of the proxy's own, or told to it. */
import { LOG_LEVELS, type LogLevel } from '../host-functions/guest.ts'
import type { HttpCalls } from '../http/http-calls.ts'
import type { OutboundProblem, OutboundReply } from '../http/outbound.ts'
import type { HttpAccess, OutboundRequest } from '../http/plugin-http.ts'
import { type KvAccess, prefixMatcher } from '../kv/plugin-kv.ts'
import { METRIC_KINDS, type MetricKind, type MetricSink, type PluginMetrics } from '../observe/plugin-metrics.ts'
import { ASK, FROM_THREAD } from './frame-kinds.ts'
import { numberAfter } from './numbers.ts'
import type { ThreadLine } from './thread-line.ts'

/** How many random numbers are asked for at a time. */
const RANDOM_AT_ONCE = 64

export class RemoteKv implements KvAccess {
  readonly mayUse: (key: string) => boolean
  readonly #line: ThreadLine

  constructor(line: ThreadLine, prefixes: readonly string[]) {
    this.#line = line
    this.mayUse = prefixMatcher(prefixes)
  }

  get(key: string): Uint8Array | undefined {
    const answer = this.#line.ask(this.#line.question.begin(ASK.kvGet).text(key))
    return answer.number() === 0 ? undefined : answer.bytes()
  }

  set(key: string, value: Uint8Array, ttlMs: number): number {
    return this.#line.askNumber(this.#line.question.begin(ASK.kvSet).text(key).bytes(value).double(ttlMs))
  }

  delete(key: string): boolean {
    return this.#line.askNumber(this.#line.question.begin(ASK.kvDelete).text(key)) === 1
  }

  increment(key: string, delta: number, ttlMs: number): number {
    return this.#line.askNumber(this.#line.question.begin(ASK.kvIncrement).text(key).double(delta).double(ttlMs))
  }

  compareAndSwap(key: string, expected: Uint8Array | undefined, value: Uint8Array, ttlMs: number): number {
    const question = this.#line.question
      .begin(ASK.kvSwap)
      .text(key)
      .number(expected === undefined ? 0 : 1)
    if (expected !== undefined) question.bytes(expected)
    return this.#line.askNumber(question.bytes(value).double(ttlMs))
  }
}

/** HTTP: begun by a question, ended by a frame. */
export class RemoteHttp implements HttpAccess {
  readonly #line: ThreadLine
  /** By the number of the hook's call, and that of the HTTP call on the proxy's side. */
  readonly #underWay = new Map<string, { readonly calls: HttpCalls; readonly number: number }>()

  constructor(line: ThreadLine) {
    this.#line = line
  }

  begin({ method, url, timeoutMs, fields, body }: OutboundRequest, calls: HttpCalls): number {
    const { running } = this.#line
    const question = this.#line.question.begin(ASK.http).number(running)
    const result = this.#line.askNumber(question.text(method).text(url).number(timeoutMs).fields(fields).bytes(body))
    if (result < 0) return result
    const number = calls.add(new AbortController())
    this.#underWay.set(`${running}.${result}`, { calls, number })
    return number
  }

  /** One has ended; `form` is behind its two numbers. */
  ended(call: number, remote: number, form: FormReader): void {
    const key = `${call}.${remote}`
    const known = this.#underWay.get(key)
    this.#underWay.delete(key)
    const problem = form.maybe() as OutboundProblem | undefined
    const reply: OutboundReply | undefined =
      problem === undefined ? { status: form.number(), fields: form.fields(), body: form.bytes() } : undefined
    known?.calls.ended(known.number, reply, problem)
  }

  /** A call of a hook is over: nothing that it asked for will be told any more. */
  forget(call: number): void {
    if (this.#underWay.size === 0) return
    for (const key of this.#underWay.keys()) if (key.startsWith(`${call}.`)) this.#underWay.delete(key)
  }
}

/** Metrics: what there is room for is known here, the sums are kept by the proxy. */
export class RemoteMetrics implements MetricSink {
  readonly #line: ThreadLine
  readonly #known: PluginMetrics

  constructor(line: ThreadLine, known: PluginMetrics) {
    this.#line = line
    this.#known = known
  }

  record(kind: MetricKind, name: string, value: number): boolean {
    if (!this.#known.record(kind, name, value)) return false
    this.#line.tell(
      this.#line.out.begin(FROM_THREAD.metric).number(METRIC_KINDS.indexOf(kind)).text(name).double(value),
    )
    return true
  }
}

/** Tells a line. */
export function remoteLog(line: ThreadLine): (level: LogLevel, message: string) => void {
  return (level, message) =>
    line.tell(line.out.begin(FROM_THREAD.log).number(line.running).number(LOG_LEVELS.indexOf(level)).wide(message))
}

/** Randomness of the proxy's own, a handful at a time. */
export function remoteRandom(line: ThreadLine): () => number {
  const drawn: number[] = []
  let next = 0
  return () => {
    if (next === drawn.length) {
      const answer = line.ask(line.question.begin(ASK.random).number(RANDOM_AT_ONCE))
      answer.number()
      for (let i = 0; i < RANDOM_AT_ONCE; i++) drawn[i] = answer.double()
      next = 0
    }
    return drawn[next++]!
  }
}

/** The proxy's time as it came with the call: while a guest computes it stands still. Timers are the proxy's as well. */
export class RemoteClock implements Clock {
  readonly #line: ThreadLine
  readonly #timers = new Map<number, () => void>()
  #last = 0
  #now = 0
  #wallTime = 0

  constructor(line: ThreadLine) {
    this.#line = line
  }

  now(): number {
    return this.#now
  }

  wallTime(): number {
    return this.#wallTime
  }

  set(now: number, wallTime: number): void {
    this.#now = now
    this.#wallTime = wallTime
  }

  schedule(delayMs: number, callback: () => void): { cancel(): void } {
    const line = this.#line
    const number = (this.#last = numberAfter(this.#last))
    this.#timers.set(number, callback)
    line.tell(line.out.begin(FROM_THREAD.timer).number(number).double(delayMs))
    return {
      cancel: () => {
        if (this.#timers.delete(number)) line.tell(line.out.begin(FROM_THREAD.timerCancelled).number(number))
      },
    }
  }

  /** The time of a timer has come. */
  fire(number: number): void {
    const callback = this.#timers.get(number)
    this.#timers.delete(number)
    callback?.()
  }
}
