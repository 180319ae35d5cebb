/**
 * The plugin's thread: takes calls one after the other, runs them by the very code that runs them inline, and sends back what they
 * have changed. All calls that are there are run before it sleeps, so that under load nobody has to wake anybody.
 */
import type { Exchange, PluginError } from '@sluice/core'
import { FormReader } from '../abi/binary-form.ts'
import type { HookName } from '../abi/sluice-v1.ts'
import type { HookAction } from '../events.ts'
import type { HookSubject } from '../exchange/hook-call.ts'
import { FAULTED, type HookEvents, type HookOwner, type Outcome } from '../exchange/hook-runner.ts'
import { InlineRunner } from '../exchange/inline-runner.ts'
import { faultOf, outputFault } from '../fault.ts'
import { ExtismVariables } from '../foreign/extism-variables.ts'
import type { PluginServices } from '../host-functions/guest.ts'
import type { ResolvedManifest } from '../manifest/resolve-manifest.ts'
import { PluginMetrics } from '../observe/plugin-metrics.ts'
import type { CompiledModule } from '../runtime/plugin-runtime.ts'
import { systemRandom } from '../system-random.ts'
import { readCall, type ReadCall } from './call-frame.ts'
import { FROM_THREAD, TO_THREAD } from './frame-kinds.ts'
import type { FrameWriter } from './frame-writer.ts'
import { writeOutcome } from './outcome-frame.ts'
import type { RemoteExchange } from './remote-exchange.ts'
import { RemoteClock, RemoteHttp, RemoteKv, remoteLog, RemoteMetrics, remoteRandom } from './remote-services.ts'
import type { ThreadLine } from './thread-line.ts'
import type { ThreadStart } from './thread-start.ts'

export class PluginLoop implements HookEvents {
  readonly #line: ThreadLine
  readonly #manifest: ResolvedManifest
  readonly #clock: RemoteClock
  readonly #http: RemoteHttp
  readonly #services: PluginServices
  readonly #runner: InlineRunner
  /** Calls that wait, by number. */
  readonly #waiting = new Map<number, RemoteExchange | undefined>()
  /** Those that wait for an instance. */
  readonly #late = new Map<HookSubject, number>()
  #made = 0
  /** What the last call took that has ended. */
  #fuel = 0
  #pages = 0

  constructor(
    line: ThreadLine,
    manifest: ResolvedManifest,
    module: CompiledModule,
    { metrics, hasSystemRandom }: Pick<ThreadStart, 'metrics' | 'hasSystemRandom'>,
  ) {
    const { kv, http, maxMetrics } = manifest.capabilities
    this.#line = line
    this.#manifest = manifest
    this.#clock = new RemoteClock(line)
    this.#http = new RemoteHttp(line)
    const known = new PluginMetrics(manifest.name)
    known.maxNames = maxMetrics
    known.adopt(metrics)
    this.#services = {
      manifest,
      clock: this.#clock,
      random: hasSystemRandom ? systemRandom : remoteRandom(line),
      kv: kv && new RemoteKv(line, kv.prefixes),
      http: http && this.#http,
      metrics: new RemoteMetrics(line, known),
      variables: new ExtismVariables(manifest.limits.stateBytes),
      log: remoteLog(line),
      denials: 0,
    }
    const { instances } = manifest
    const began = (subject: HookSubject): void => {
      const number = this.#late.get(subject)
      if (number !== undefined) line.running = number
    }
    this.#runner = new InlineRunner({ services: this.#services, module, instances, events: this, began })
  }

  /** Never ends. */
  async run(): Promise<void> {
    const line = this.#line
    try {
      await this.#runner.open()
    } catch (error) {
      return line.tell(this.#faultFrame(FROM_THREAD.refused, error))
    }
    line.tell(line.out.begin(FROM_THREAD.ready))
    for (;;) {
      line.running = 0
      let handled = 0
      for (let frame = line.inbox.next(); frame !== undefined; frame = line.inbox.next()) {
        this.#handle(new FormReader(frame))
        line.inbox.release()
        handled++
      }
      line.tellRoom()
      // What was resumed goes on behind a promise, and instances are made by the engine: both need the event loop.
      if ((handled > 0 && this.#waiting.size > 0) || this.#runner.isMaking) await turn()
      else line.sleep()
    }
  }

  #handle(form: FormReader): void {
    switch (form.number()) {
      case TO_THREAD.call: {
        const call = form.number()
        // From its first byte to its outcome: whatever ends the thread meanwhile would end the next one too.
        return this.#on(call, () => this.#call(call, readCall(form)))
      }
      case TO_THREAD.httpEnded: {
        const call = form.number()
        const remote = form.number()
        return this.#on(call, () => this.#http.ended(call, remote, form))
      }
      case TO_THREAD.timer:
        this.#clock.set(form.double(), form.double())
        return this.#clock.fire(form.number())
      default: {
        const call = form.number()
        return this.#on(call, () => this.#waiting.get(call)?.abort())
      }
    }
  }

  /** Runs what is about a call: from here on it is to blame for what happens, and stays so where the thread ends by it. */
  #on(call: number, run: () => void): void {
    this.#line.running = call
    run()
    this.#line.running = 0
  }

  #call(number: number, { now, wallTime, subject, isLast }: ReadCall): void {
    this.#clock.set(now, wallTime)
    const { state, carried } = subject.state ?? { state: undefined, carried: undefined }
    const owner = (subject.state ?? { state, result: undefined, carried }) as HookOwner
    owner.fault = owner.localReply = owner.newBody = undefined
    const before = { state, carried }
    const exchange = subject.exchange as unknown as RemoteExchange | undefined
    const ended = (outcome: Outcome): void => {
      const { fuel, pages } = exchange ?? { fuel: this.#fuel, pages: this.#pages }
      const { total: instances, free } = this.#runner.instances
      const numbers = { fuel, pages, made: this.#made, denials: this.#services.denials, instances, free }
      this.#http.forget(number)
      try {
        this.#line.tell(writeOutcome(this.#line.out, number, outcome, owner, subject, before, numbers))
      } catch (error) {
        // A result can be nested more deeply than it can be written.
        owner.fault = faultOf(outputFault('what it gives can not be sent', error), false, this.#manifest.name)
        this.#line.tell(writeOutcome(this.#line.out, number, FAULTED, owner, subject, before, numbers))
      }
    }
    const paused = () => this.#tellWaiting(number, true)
    if (exchange !== undefined) exchange.onPause = paused
    const outcome = this.#runner.run(owner, subject, isLast)
    if (typeof outcome === 'number') return ended(outcome)
    this.#waiting.set(number, exchange)
    this.#late.set(subject, number)
    this.#tellWaiting(number, false)
    void this.#later(subject, number, outcome, ended)
  }

  async #later(
    subject: HookSubject,
    number: number,
    outcome: Promise<Outcome>,
    ended: (outcome: Outcome) => void,
  ): Promise<void> {
    const late = await outcome
    this.#waiting.delete(number)
    this.#late.delete(subject)
    this.#on(number, () => ended(late))
  }

  /** It may have begun, and paused then. */
  #tellWaiting(number: number, hasBegun: boolean): void {
    this.#line.tell(
      this.#line.out
        .begin(FROM_THREAD.waiting)
        .number(number)
        .number(hasBegun ? 1 : 0),
    )
  }

  made(): void {
    this.#made++
  }

  /** The breaker is the proxy's. */
  succeeded(): void {}

  called(
    _hook: HookName,
    exchange: Exchange | undefined,
    _action: HookAction,
    _durationMs: number,
    fuel: number,
    pages: number,
  ): void {
    const numbers = exchange as unknown as { fuel: number; pages: number } | undefined
    this.#fuel = fuel
    this.#pages = pages
    if (numbers === undefined) return
    numbers.fuel = fuel
    numbers.pages = pages
  }

  faulted(error: unknown, _exchange: Exchange | undefined, hook: HookName): PluginError {
    if (hook === 'on_init') this.#line.tell(this.#faultFrame(FROM_THREAD.fault, error))
    return faultOf(error, false, this.#manifest.name)
  }

  #faultFrame(kind: number, error: unknown): FrameWriter {
    const { code, message } = faultOf(error, false, this.#manifest.name)
    return this.#line.out.begin(kind).text(code).wide(message).maybe(undefined)
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
