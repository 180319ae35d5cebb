/**
 * Hooks on a thread of the plugin's own. The thread takes calls one after the other; a second one is ready beside it. One that computes for
 * too long is ended: the call that it was at has failed, those behind it go to the second one at once, and another is started.
 */
import type { PluginError } from '@sluice/core'
import { type Clock, systemClock } from '@sluice/wire'
import type { FormReader } from '../abi/binary-form.ts'
import type { HookSubject } from '../exchange/hook-call.ts'
import { FAULTED, type HookEvents, type HookOwner, type HookRunner, type Outcome } from '../exchange/hook-runner.ts'
import type { PluginServices } from '../host-functions/guest.ts'
import type { MetricSnapshot } from '../observe/plugin-metrics.ts'
import type { CompiledModule } from '../runtime/plugin-runtime.ts'
import { CallWriter } from './call-frame.ts'
import { CallQueue } from './call-queue.ts'
import { CallSettlement } from './call-settlement.ts'
import { ComputeWatch } from './compute-watch.ts'
import { FROM_THREAD, TO_THREAD } from './frame-kinds.ts'
import { FrameWriter } from './frame-writer.ts'
import { GuestRequests } from './guest-requests.ts'
import { numberAfter } from './numbers.ts'
import { readFault } from './outcome-frame.ts'
import { PendingCall } from './pending-call.ts'
import { PluginThread, type ThreadEvents } from './plugin-thread.ts'
import { busyFault, computeFault, deathFault, startFault, waitingFault } from './thread-faults.ts'
import { ThreadPair } from './thread-pair.ts'
import { sendManifest } from './thread-start.ts'

/** Calls that wait for the thread; more are refused at once. */
const MAX_QUEUED = 1_024
/** Calls that are sent to it ahead, so that it need not wait for the next. */
const MAX_SENT = 64

/** What it is made of. */
export interface WorkerRunnerParts {
  readonly services: PluginServices
  readonly module: CompiledModule
  readonly events: HookEvents
  /** Whether a second thread stands by. */
  readonly hasSpare: boolean
  /** Whether `services.random` is the machine's. */
  readonly hasSystemRandom: boolean
  /** What the plugin has counted so far. */
  readonly metrics: () => Readonly<Record<string, MetricSnapshot>>
}

export class WorkerRunner implements HookRunner, ThreadEvents {
  readonly #parts: WorkerRunnerParts
  readonly #clock: Clock
  readonly #calls: CallWriter
  readonly #out = new FrameWriter()
  readonly #threads: ThreadPair
  readonly #requests: GuestRequests
  readonly #settlement: CallSettlement
  readonly #watch: ComputeWatch
  readonly #queue: CallQueue
  #lastNumber = 0
  /** Calls that have not ended, wherever they are. */
  #open = 0
  #isClosed = false
  #hasServed = false
  #opening: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined = undefined

  constructor(parts: WorkerRunnerParts) {
    const { manifest, clock } = parts.services
    this.#parts = parts
    this.#clock = clock
    this.#calls = new CallWriter(manifest)
    this.#threads = new ThreadPair(
      () => this.#newThread(),
      (thread) => this.#requests.forget(thread),
    )
    this.#requests = new GuestRequests(parts.services, (thread, frame) => this.#send(thread, frame))
    this.#settlement = new CallSettlement(parts.services, parts.events, () => this.#settled())
    this.#queue = new CallQueue(clock, manifest.limits.wallMs, (call) => this.#settlement.fail(call, busyFault()))
    // A thread computes in the machine's time, whatever time the proxy is told.
    this.#watch = new ComputeWatch(manifest.limits, systemClock, (thread, afterMs) =>
      this.#lose(thread, computeFault(manifest.name, afterMs)),
    )
  }

  async open(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#opening = { resolve, reject }
      this.#threads.hold(true)
      this.#threads.startNext()
    })
  }

  get instances(): { readonly total: number; readonly free: number } {
    const { ready } = this.#threads
    return {
      total: ready.reduce((sum, { numbers }) => sum + numbers.instances, 0),
      free: ready.reduce((sum, { numbers }) => sum + numbers.free, 0),
    }
  }

  get threads(): { readonly live: number; readonly lost: number } {
    return { live: this.#threads.ready.length, lost: this.#threads.lost }
  }

  run(owner: HookOwner, subject: HookSubject, isLast: number): Outcome | Promise<Outcome> {
    if (this.#queue.size >= MAX_QUEUED) {
      owner.fault = this.#parts.events.faulted(busyFault(), subject.exchange, subject.hook)
      return FAULTED
    }
    return new Promise((resolve) => {
      if (this.#open++ === 0) this.#threads.hold(true)
      this.#queue.push(
        new PendingCall(
          (this.#lastNumber = numberAfter(this.#lastNumber)),
          owner,
          subject,
          isLast,
          this.#clock.now(),
          resolve,
        ),
      )
      this.#flush()
    })
  }

  close(): void {
    this.#isClosed = true
    this.#endIfIdle()
  }

  // What threads tell.

  ready(): void {
    const opening = this.#opening
    this.#opening = undefined
    this.#threads.hold(this.#open > 0)
    if (this.#threads.current === undefined) this.#promote()
    opening?.resolve()
    this.#endIfIdle()
  }

  told(thread: PluginThread, kind: number, form: FormReader): void {
    const { services, events } = this.#parts
    switch (kind) {
      case FROM_THREAD.outcome:
        this.#watch.progressed(thread)
        return this.#settlement.outcome(thread, form)
      case FROM_THREAD.waiting:
        return this.#waits(thread, form)
      case FROM_THREAD.fault:
        return void events.faulted(readFault(form, services.manifest.name), undefined, 'on_init')
      case FROM_THREAD.refused:
        return this.#refused(thread, readFault(form, services.manifest.name))
      default:
        return this.#requests.told(thread, kind, form)
    }
  }

  asked(thread: PluginThread, question: FormReader): Uint8Array {
    return this.#requests.asked(thread, question)
  }

  hasRoom(thread: PluginThread): void {
    if (thread === this.#threads.current) this.#flush()
  }

  died(thread: PluginThread, error: Error): void {
    const { name } = this.#parts.services.manifest
    if (thread.isReady) this.#lose(thread, deathFault(name, error))
    else this.#refused(thread, startFault(name, error))
  }

  // Threads.

  #newThread(): PluginThread | undefined {
    const { services, module, metrics, hasSystemRandom } = this.#parts
    const manifest = sendManifest(services.manifest)
    try {
      return new PluginThread({ manifest, code: module.code, metrics: metrics(), hasSystemRandom }, this)
    } catch (error) {
      this.#noThread(startFault(manifest.name, error as Error))
      return undefined
    }
  }

  #promote(): void {
    if (this.#threads.promote()) {
      this.#watch.begin(this.#threads.current!)
      if (this.#hasServed) this.#startSpare()
      this.#flush()
    } else if (this.#open > 0) this.#threads.startNext()
  }

  #startSpare(): void {
    if (this.#parts.hasSpare && !this.#isClosed) this.#threads.startNext()
  }

  /** It could not start. */
  #refused(thread: PluginThread, error: PluginError): void {
    this.#threads.drop(thread)
    this.#noThread(error)
  }

  #noThread(error: PluginError): void {
    const opening = this.#opening
    this.#opening = undefined
    if (opening !== undefined) return opening.reject(error)
    this.#parts.events.faulted(error, undefined, 'on_init')
    // Whoever waits would wait in vain.
    if (this.#threads.current === undefined) for (const call of this.#queue.clear()) this.#settlement.fail(call, error)
  }

  /** A thread is gone, and with it the call that it was at. */
  #lose(thread: PluginThread, fault: PluginError): void {
    const { running } = thread
    if (thread === this.#threads.current) this.#watch.end()
    this.#threads.drop(thread)
    this.#threads.lost++
    const calls = [...thread.calls.values()]
    thread.calls.clear()
    const spared = calls.filter(({ number, hasBegun }) => number !== running && !hasBegun)
    for (const call of spared) call.isWaiting = false
    this.#queue.putBack(spared)
    // A loss is a fault, also where no call is to blame.
    if (!calls.some(({ number }) => number === running)) this.#parts.events.faulted(fault, undefined, 'on_init')
    const waited = waitingFault(this.#parts.services.manifest.name)
    for (const call of calls)
      if (!spared.includes(call)) this.#settlement.fail(call, call.number === running ? fault : waited)
    if (this.#threads.current === undefined) this.#promote()
    else this.#startSpare()
  }

  #endIfIdle(): void {
    if (!this.#isClosed || this.#open > 0) return
    this.#watch.end()
    this.#queue.end()
    this.#threads.end()
  }

  // Calls.

  /** Sends what waits, as long as the thread has room for it. */
  #flush(): void {
    const thread = this.#threads.current
    if (thread === undefined) this.#threads.startNext()
    else {
      while (this.#hasRoom(thread) && this.#offer(thread, this.#queue.first)) this.#queue.shift()
      this.#watch.schedule()
    }
    this.#queue.watch()
  }

  #hasRoom({ calls, waiting }: PluginThread): boolean {
    return calls.size - waiting < MAX_SENT && waiting < this.#parts.services.manifest.instances.max
  }

  #offer(thread: PluginThread, call: PendingCall | undefined): boolean {
    if (call === undefined) return false
    const clock = this.#clock
    this.#watch.willSend()
    this.#calls.write(this.#out, call.number, clock.now(), clock.wallTime(), call.subject, call.isLast)
    if (!thread.offer(this.#out)) return false
    thread.calls.set(call.number, call)
    return true
  }

  /** Sends what is about a call that waits. */
  #send(thread: PluginThread, frame: FrameWriter): void {
    if (thread === this.#threads.current) this.#watch.willSend()
    thread.send(frame)
    this.#watch.schedule()
  }

  #waits(thread: PluginThread, form: FormReader): void {
    this.#watch.progressed(thread)
    const call = thread.calls.get(form.number())
    if (call === undefined) return
    if (!call.isWaiting) thread.waiting++
    call.isWaiting = true
    const hasBegun = form.number() === 1
    if (hasBegun && !call.hasBegun) {
      call.hasBegun = true
      call.watch(() => this.#send(thread, this.#out.begin(TO_THREAD.abandoned).number(call.number)))
    }
    this.#flush()
  }

  #settled(): void {
    // A second thread is for a plugin that is used: a version that is swapped at once need not wait for it to start.
    if (!this.#hasServed) {
      this.#hasServed = true
      this.#startSpare()
    }
    if (--this.#open === 0) {
      this.#threads.hold(false)
      this.#endIfIdle()
    } else if (this.#queue.size > 0) this.#flush()
  }
}
