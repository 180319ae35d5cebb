/**
 * One thread of a plugin, as the proxy's own thread sees it. It is unknown to the event loop but for the time in which calls are under
 * way, and it is never asked to end: it is ended.
 */
import { createRequire } from 'node:module'
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { FormReader } from '../abi/binary-form.ts'
import type { ResolvedLimits } from '../manifest/limits.ts'
import { ByteRing } from './byte-ring.ts'
import { FROM_THREAD } from './frame-kinds.ts'
import type { FrameWriter } from './frame-writer.ts'
import type { CallNumbers } from './outcome-frame.ts'
import type { PendingCall } from './pending-call.ts'
import { Questions } from './questions.ts'
import { CELL, newAreas, type SharedAreas } from './shared-areas.ts'
import type { ThreadStart } from './thread-start.ts'

/**
 * Of the thread's own heap, for what host functions make there; guests' memories are beside it, and bounded by their pages. It is there
 * for mistakes of ours: where the engine runs out of it within a parser of its own it ends the process, so there is more than
 * JSON of the lengths that limits allow can take, some 40 bytes for each of its own.
 */
const HEAP_MB = 64
const HEAP_PER_BYTE = 64
const MOST_HEAP_MB = 4_096
/** What a call may say or ask, and each turn of the event loop afterwards, before all else has its turn: a guest can do so without end. */
const MOST_AT_ONCE = 128

const require = createRequire(import.meta.url)

/** What happens on it. */
export interface ThreadEvents {
  /** It takes calls. */
  ready(): void
  /** A frame that is not about its being ready; `form` is behind the kind. */
  told(thread: PluginThread, kind: number, form: FormReader): void
  /** Gives the answer to a question. */
  asked(thread: PluginThread, question: FormReader): Uint8Array
  /** A frame may be offered again. */
  hasRoom(thread: PluginThread): void
  /** It has ended, and nobody has ended it. */
  died(thread: PluginThread, error: Error): void
}

export class PluginThread {
  /** Calls that are under way on it, by number, in the order in which they were sent. */
  readonly calls: Map<number, PendingCall> = new Map()
  isReady = false
  isEnded = false
  /** When it was last known to have gone on, by the machine's clock. */
  progressedAt = 0
  /** How many of its calls wait. */
  waiting = 0
  /** Its own numbers, as it told them last. */
  numbers: Pick<CallNumbers, 'made' | 'denials' | 'instances' | 'free'> = { made: 0, denials: 0, instances: 1, free: 1 }
  readonly #events: ThreadEvents
  readonly #worker: Worker
  readonly #areas: SharedAreas = newAreas()
  readonly #inbox: ByteRing
  readonly #outbox: ByteRing
  readonly #questions: Questions
  readonly #ports: readonly MessagePort[]
  /** Frames for which there was no room. */
  readonly #held: Uint8Array[] = []
  /** Whether there was no room for one. */
  #lacksRoom = false
  /** What it has said or asked since a call of it ended, or somebody else had a turn. */
  #said = 0
  #isPostponed = false
  #error: Error | undefined = undefined

  constructor(start: Omit<ThreadStart, 'areas' | 'parcels' | 'longQuestions'>, events: ThreadEvents) {
    this.#events = events
    const parcels = new MessageChannel()
    const questions = new MessageChannel()
    const { cells, toThread, fromThread, question } = this.#areas
    this.#ports = [parcels.port1, questions.port1]
    this.#outbox = new ByteRing(toThread, cells, CELL.toThreadWritten, CELL.toThreadRead, parcels.port1)
    this.#inbox = new ByteRing(fromThread, cells, CELL.fromThreadWritten, CELL.fromThreadRead, parcels.port1)
    this.#questions = new Questions(question, cells, questions.port1)
    const workerData: ThreadStart = {
      ...start,
      areas: this.#areas,
      parcels: parcels.port2,
      longQuestions: questions.port2,
    }
    // By its name: that finds the file among the sources as in the build, wherever a bundler has put this one.
    try {
      this.#worker = new Worker(require.resolve('@sluice/plugin-host/worker'), {
        workerData,
        transferList: [parcels.port2, questions.port2],
        name: `plugin ${start.manifest.name}`,
        resourceLimits: { maxOldGenerationSizeMb: heapMb(start.manifest.limits) },
      })
    } catch (error) {
      this.#free()
      throw error
    }
    this.#worker.unref()
    this.#worker.on('message', () => this.drain())
    this.#worker.on('error', (error) => (this.#error = error))
    this.#worker.on('exit', (code) => this.#exited(code))
  }

  /** The number of the call whose guest runs; 0 for none. */
  get running(): number {
    return Atomics.load(this.#areas.cells, CELL.running)
  }

  /** Whether there is something that it has not finished, calls that wait aside: those that go on need no frame for it. */
  get isBusy(): boolean {
    return !this.#outbox.isEmpty || this.running !== 0
  }

  /** Whether a call has ended, and nobody has heard of it yet. */
  get mayHaveEnded(): boolean {
    return this.#inbox.mayHold(FROM_THREAD.outcome)
  }

  /** How far it has read: another number after each frame. */
  get mark(): number {
    return this.#outbox.mark
  }

  /** Keeps the process alive, or does so no more. */
  hold(isHeld: boolean): void {
    if (this.isEnded) return
    if (isHeld) this.#worker.ref()
    else this.#worker.unref()
  }

  /** Sends a frame that may wait for its turn. Whether there was room. */
  offer(frame: FrameWriter): boolean {
    if (this.#held.length === 0 && this.#write(frame.finish())) return true
    this.#lacksRoom = true
    return false
  }

  /** Sends a frame that has to come, as soon as there is room. */
  send(frame: FrameWriter): void {
    if (!this.isEnded && !this.offer(frame)) this.#held.push(Uint8Array.from(frame.finish()))
  }

  /** Takes what it has said; of much, a part of it, and the rest when all else has had its turn. */
  drain(): void {
    if (!this.#isPostponed) this.#take(MOST_AT_ONCE)
  }

  /** Ends it, whatever it does. */
  end(): void {
    if (this.isEnded) return
    this.isEnded = true
    this.#worker.unref()
    void this.#worker.terminate()
    this.#free()
  }

  #exited(code: number): void {
    if (this.isEnded) return
    // What it said before its end counts.
    this.#take(Number.POSITIVE_INFINITY)
    this.isEnded = true
    this.#free()
    this.#events.died(this, this.#error ?? new Error(`it has exited with ${code}`))
  }

  #free(): void {
    for (const port of this.#ports) port.close()
    this.#held.length = 0
  }

  #take(most: number): void {
    if (this.isEnded) return
    const { cells } = this.#areas
    // For what is said behind the end that is read here it rings again.
    Atomics.store(cells, CELL.rung, 0)
    const { end } = this.#inbox
    while (this.#said < most && this.#inbox.mark !== end) {
      this.#hear(new FormReader(this.#inbox.next()!))
      this.#inbox.release()
      // What it said can be the reason to end it.
      if (this.isEnded) return
    }
    if (this.#said < most && this.#questions.answer((question) => this.#events.asked(this, question))) this.#said++
    if (Atomics.exchange(cells, CELL.wantsRoom, 0) === 1) Atomics.notify(cells, CELL.fromThreadRead)
    if (this.#said >= MOST_AT_ONCE) this.#postpone()
    if (this.#lacksRoom) this.#catchUp()
  }

  #hear(form: FormReader): void {
    const kind = form.number()
    this.#said = kind === FROM_THREAD.outcome ? 0 : this.#said + 1
    if (kind === FROM_THREAD.ready) {
      this.isReady = true
      this.#events.ready()
    } else this.#events.told(this, kind, form)
  }

  #postpone(): void {
    if (this.#isPostponed) return
    this.#isPostponed = true
    setImmediate(() => {
      this.#isPostponed = false
      this.#said = 0
      this.drain()
    })
  }

  /** Sends what was held, and lets others offer again what was not taken. */
  #catchUp(): void {
    for (; this.#held.length > 0; this.#held.shift()) if (!this.#write(this.#held[0]!)) return
    if (!this.#outbox.isEmpty) {
      Atomics.store(this.#areas.cells, CELL.proxyWantsRoom, 1)
      if (!this.#outbox.isEmpty) return
    }
    this.#lacksRoom = false
    this.#events.hasRoom(this)
  }

  /** Whether there was room. Where there was none, {@link drain} is called when there is. */
  #write(frame: Uint8Array): boolean {
    if (!this.#outbox.write(frame)) {
      Atomics.store(this.#areas.cells, CELL.proxyWantsRoom, 1)
      // It may have made room meanwhile, and sleep.
      if (!this.#outbox.write(frame)) return false
    }
    this.#wake()
    return true
  }

  #wake(): void {
    const { cells } = this.#areas
    if (Atomics.exchange(cells, CELL.asleep, 0) === 0) return
    Atomics.add(cells, CELL.bell, 1)
    Atomics.notify(cells, CELL.bell)
  }
}

function heapMb({ outputBytes, bodyBytes }: ResolvedLimits): number {
  return Math.min(MOST_HEAP_MB, HEAP_MB + Math.ceil((HEAP_PER_BYTE * (outputBytes + bodyBytes)) / 2 ** 20))
}
