import { seededRandom, virtualClock } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import {
  createPluginHarness,
  type HarnessManifest,
  metricRecorded,
  pluginLogged,
  type PluginLogEvent,
  type PluginMetricEvent,
} from '../../src/index.ts'
import { guest, hook } from '../guest.ts'

async function run(instructions: string, texts: Readonly<Record<string, string>> = {}, manifest: HarnessManifest = {}) {
  const clock = virtualClock({ now: 1_234.5, wallTime: 981_173_106_789 })
  const bytes = guest({ texts, code: hook('on_request_head', instructions) })
  const harness = await createPluginHarness(bytes, manifest, { clock, random: seededRandom(1) })
  const result = await harness.run()
  const snapshot = harness.snapshot()
  await harness.close()
  return { ...result, snapshot }
}

const must = (condition: string) => `(if (i32.eqz ${condition}) (then (unreachable)))`

describe('log', () => {
  it('has levels, and the plugin in its events', async () => {
    const seen: PluginLogEvent[] = []
    const listener = (event: PluginLogEvent) => seen.push(event)
    pluginLogged.subscribe(listener)
    const { logs } = await run(
      [0, 1, 2, 3, 4].map((level) => `(drop (call $log (i32.const ${level}) {line}))`).join('') +
        must('(i32.eq (call $log (i32.const 5) {line}) (i32.const -3))'),
      { line: Buffer.from('grüß').toString('latin1') },
      { name: 'talker', version: '2.0.0' },
    )
    pluginLogged.unsubscribe(listener)
    expect(logs.map(({ level }) => level)).toEqual(['trace', 'debug', 'info', 'warn', 'error'])
    expect(logs[0]?.message).toBe('grüß')
    expect(seen[0]).toMatchObject({ plugin: 'talker', version: '2.0.0', level: 'trace', message: 'grüß' })
    expect(seen[0]?.exchange?.request.method).toBe('GET')
  })

  it('is cut off at its limit', async () => {
    const { logs, faults } = await run(
      '(drop (call $log (i32.const 2) {line}))'.repeat(3),
      { line: 'abcdef' },
      { limits: { logBytes: 9 } },
    )
    expect(logs.map(({ message }) => message)).toEqual(['abcdef', 'abc'])
    expect(faults).toEqual([])
  })
})

describe('metric', () => {
  it('counts, sets and observes', async () => {
    const seen: PluginMetricEvent[] = []
    const listener = (event: PluginMetricEvent) => seen.push(event)
    metricRecorded.subscribe(listener)
    const record = (kind: number, name: string, value: number, result = 0) =>
      must(`(i32.eq (call $metric (i32.const ${kind}) {${name}} (f64.const ${value})) (i32.const ${result}))`)
    const { snapshot } = await run(
      record(0, 'hits', 2) +
        record(0, 'hits', 3) +
        record(1, 'depth', 7) +
        record(1, 'depth', 4) +
        record(2, 'ms', 1.5) +
        record(2, 'ms', 2.5) +
        record(1, 'hits', 1, -4) +
        record(3, 'hits', 1, -3) +
        record(0, 'bad', 1, -3) +
        record(0, 'more', 1, -4),
      { hits: 'hits', depth: 'queue.depth', ms: 'lookup_ms', bad: 'No Name', more: 'more' },
      { capabilities: { metrics: 3 } },
    )
    metricRecorded.unsubscribe(listener)
    expect(snapshot.metrics).toEqual({
      hits: { kind: 'counter', value: 5, count: 2 },
      'queue.depth': { kind: 'gauge', value: 4, count: 2 },
      lookup_ms: { kind: 'histogram', value: 4, count: 2 },
    })
    expect(seen).toHaveLength(6)
    expect(seen[0]).toEqual({ plugin: 'test', kind: 'counter', name: 'hits', value: 2 })
  })
})

describe('time and dice', () => {
  it("are the host's", async () => {
    const { faults } = await run(
      must('(f64.eq (call $now_ms) (f64.const 981173106789))') +
        must('(f64.eq (call $monotonic_ms) (f64.const 1234.5))'),
    )
    expect(faults).toEqual([])
  })

  it('fill with bytes, the same for the same seed', async () => {
    const instructions =
      '(drop (call $random {buf} (i32.const 8))) (drop (call $log (i32.const 2) {buf} (i32.const 8)))' +
      must('(i32.eq (call $random {buf} (i32.const 65537)) (i32.const -3))')
    const [first, second] = [await run(instructions), await run(instructions)]
    expect(first.faults).toEqual([])
    expect(first.logs).toEqual(second.logs)
    expect(new Set(first.logs[0]!.message).size).toBeGreaterThan(2)
  })
})
