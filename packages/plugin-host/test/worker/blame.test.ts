/**
 * Which call a thread is at stands in shared memory: from the first byte that is read of it to its outcome. If the thread ends anywhere in
 * between, the proxy must not give that call to the next one, which would end by it as well.
 */
import { MessageChannel } from 'node:worker_threads'
import { describe, expect, it, onTestFinished } from 'vitest'
import { FormReader } from '../../src/abi/binary-form.ts'
import { resolveManifest } from '../../src/manifest/resolve-manifest.ts'
import { extismRuntime } from '../../src/runtime/extism-runtime.ts'
import { ByteRing } from '../../src/worker/byte-ring.ts'
import { CallWriter } from '../../src/worker/call-frame.ts'
import { FROM_THREAD } from '../../src/worker/frame-kinds.ts'
import { FrameWriter } from '../../src/worker/frame-writer.ts'
import { PluginLoop } from '../../src/worker/plugin-loop.ts'
import { CELL, newAreas } from '../../src/worker/shared-areas.ts'
import { ThreadLine } from '../../src/worker/thread-line.ts'
import { guest, hook } from '../guest.ts'

const NUMBER = 7
const NOTHING = { exchange: undefined, reply: undefined, state: undefined, body: undefined, end: undefined } as const
const TICK = { hook: 'on_tick', ...NOTHING, writable: -1, bodyKind: -1 } as const

/** On this thread, until it would sleep. */
class WatchedLine extends ThreadLine {
  /** Kinds of frames, each with the call that was to blame when it was told. */
  readonly told: [kind: number, running: number][] = []

  override tell(frame: FrameWriter): void {
    this.told.push([new FormReader(frame.finish()).number(), this.running])
    super.tell(frame)
  }

  override sleep(): void {
    throw new Error('asleep')
  }
}

/** Runs a loop whose ring has this frame. */
async function loopWith(frame: (call: Buffer) => Buffer) {
  const bytes = guest({ texts: { line: 'here' }, code: hook('on_tick', '(drop (call $log (i32.const 2) {line}))') })
  const manifest = resolveManifest({ name: 'blamed', abi: 'sluice:v1', source: { bytes }, isolation: 'worker' })
  const module = await extismRuntime.compile(bytes, manifest.limits)
  const areas = newAreas()
  const [parcels, questions, bell] = [new MessageChannel(), new MessageChannel(), new MessageChannel()]
  onTestFinished(() => [parcels, questions, bell].forEach(({ port1 }) => port1.close()))
  const call = new CallWriter(manifest).write(new FrameWriter(), NUMBER, 0, 0, TICK, 1).finish()
  const { toThread, cells } = areas
  new ByteRing(toThread, cells, CELL.toThreadWritten, CELL.toThreadRead, parcels.port1).write(frame(call))
  const line = new WatchedLine({ areas, parcels: parcels.port2, longQuestions: questions.port2 }, bell.port2)
  const ended = new PluginLoop(line, manifest, module, { metrics: {}, hasSystemRandom: true }).run()
  const error = await ended.then(String, (cause: unknown) => (cause as Error).message)
  return { line, error }
}

describe('a call is to blame', () => {
  it('until its outcome is told', async () => {
    const { line, error } = await loopWith((call) => call)
    expect(error).toBe('asleep')
    expect(line.told).toEqual([
      [FROM_THREAD.ready, 0],
      [FROM_THREAD.log, NUMBER],
      [FROM_THREAD.outcome, NUMBER],
    ])
    expect(line.running).toBe(0)
  })

  it('for what happens while it is read', async () => {
    const { line, error } = await loopWith((call) => call.subarray(0, -4))
    expect(error).toContain('cut short')
    expect(line.running).toBe(NUMBER)
  })
})
