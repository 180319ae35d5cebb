/** The thread of a plugin: what becomes of calls that wait for it, and of those that it takes with it. */
import type { Worker } from 'node:worker_threads'
import { waitFor } from '@sluice/testing'
import { systemClock } from '@sluice/wire'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type KvStore, memoryKvStore } from '../../src/index.ts'
import { hook } from '../guest.ts'
import { DONE, IF_ASKED, LONG, SPIN, started, WRITE } from './isolated-plugin.ts'

describe('a thread', () => {
  it('that dies is a fault of the call that it was at, and the others are run by the next', async () => {
    const threads: Worker[] = []
    const listener = (thread: Worker) => threads.push(thread)
    process.on('worker', listener)
    onTestFinished(() => void process.off('worker', listener))
    // It asks on and on, so that it is not through with its fuel before it dies.
    const asking = '(loop (drop (call $kv_get {key} {buf} (i32.const 9))) (br 0))'
    const code = hook('on_request_head', `${IF_ASKED('spin', asking)} ${DONE}`)
    const capabilities = { ...WRITE, kv: { prefixes: ['k'] } }
    const store = memoryKvStore(systemClock)
    let asked = 0
    const kv: KvStore = { ...bound(store), get: (key) => (asked++, store.get(key)) }
    const { send, state } = await started(code, { limits: { computeMs: 60_000 }, capabilities }, { kv })
    await send()
    await waitFor(() => state().threads.live === 2, LONG)
    const spinning = send({ 'x-spin': '1' })
    const others = Promise.all([send(), send()])
    await waitFor(() => asked > 0)
    await threads[0]!.terminate()
    const { status, text } = await spinning
    expect([status, JSON.parse(text).code]).toEqual([500, 'ERR_SLUICE_PLUGIN_TRAP'])
    expect((await others).map((other) => other.text)).toEqual(['yes', 'yes'])
    expect(state()).toMatchObject({ faults: { trap: 1 }, threads: { lost: 1 } })
    // One that dies while it does nothing is replaced as well.
    await waitFor(() => state().threads.live === 2, LONG)
    await threads[1]!.terminate()
    await waitFor(() => state().threads.lost === 2 && state().threads.live === 2, LONG)
    expect((await send()).text).toBe('yes')
  })

  it('keeps a plugin within its pages, outlives a result that can not be sent, and takes calls that wait as one batch', async () => {
    const threads: Worker[] = []
    const listener = (thread: Worker) => threads.push(thread)
    process.on('worker', listener)
    onTestFinished(() => void process.off('worker', listener))
    const grow = '(loop (br_if 0 (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))'
    const nest = `(memory.fill (i32.const 65536) (i32.const 91) (i32.const 50000))
      (memory.fill (i32.const 115536) (i32.const 93) (i32.const 50000))
      (drop (call $set_result (i32.const 65536) (i32.const 100000)))`
    const code = hook('on_request_head', `${IF_ASKED('spin', grow)} ${IF_ASKED('deep', nest)} ${DONE}`)
    const { proxy, send, state } = await started(code, { limits: { memoryPages: 10 } })
    expect((await send({ 'x-spin': '1' })).text).toBe('yes')
    expect(state().maxPages).toBe(10)
    // Newer engines can write it: then it is a result like any other.
    expect([200, 500]).toContain((await send({ 'x-spin': '1', 'x-deep': '1' })).status)
    let messages = 0
    threads[0]!.on('message', () => messages++)
    const replies = await Promise.all(Array.from({ length: 300 }, async () => await (await proxy.inject()).text()))
    expect(replies.every((text) => text === 'yes')).toBe(true)
    expect(messages).toBeLessThan(100)
    expect(state().hooks.on_request_head?.calls).toBe(302)
    expect(state().threads.lost).toBe(0)
    expect(Object.keys(state().faults).filter((kind) => kind !== 'output')).toEqual([])
  })

  it('is not held up by a listener that throws: that is the fault of the call', async () => {
    const code = hook('on_request_head', `${IF_ASKED('call', '(drop (call $log (i32.const 2) {yes}))')} ${DONE}`)
    const onLog = () => {
      throw new Error('no room on the disk')
    }
    const { send, state } = await started(code, {}, { onLog })
    expect((await send({ 'x-call': '1' })).status).toBe(500)
    expect((await send()).text).toBe('yes')
    expect(state()).toMatchObject({ faults: { trap: 1 }, threads: { lost: 0 } })
  })

  it('is not to blame for a proxy that stands still', async () => {
    // More questions than the proxy answers at once: it asks on when it is looked at.
    const asking = '(drop (call $kv_get {key} {buf} (i32.const 9)))'
    const many = `(loop ${asking} (local.set $i (i32.add (local.get $i) (i32.const 1))) (br_if 0 (i32.lt_u (local.get $i) (i32.const 150))))`
    const code = hook('on_request_head', `(local $i i32) ${many} ${DONE}`)
    const store = memoryKvStore(systemClock)
    const still = new Int32Array(new SharedArrayBuffer(4))
    let asked = 0
    const get = (key: string): ReturnType<KvStore['get']> => {
      if (asked++ === 0) Atomics.wait(still, 0, 0, 1_200)
      return store.get(key)
    }
    const capabilities = { ...WRITE, kv: { prefixes: ['k'] } }
    const kv: KvStore = { ...bound(store), get }
    const { send, state } = await started(code, { limits: { computeMs: 1_000 }, capabilities }, { kv })
    expect((await send()).text).toBe('yes')
    expect(state()).toMatchObject({ faults: {}, threads: { lost: 0 } })
  })

  it('refuses calls beyond what may wait, at once', async () => {
    const code = hook('on_request_head', `${IF_ASKED('spin', SPIN)} ${DONE}`)
    const { send, state } = await started(code, { limits: { computeMs: 100 }, breaker: { faults: 0 } })
    const spinning = send({ 'x-spin': '1' })
    const others = await Promise.all(Array.from({ length: 1_200 }, () => send()))
    expect((await spinning).status).toBe(504)
    const refused = others.filter(({ status }) => status === 503).length
    expect(refused).toBe(1_200 + 1 - 64 - 1_024)
    expect(others.filter(({ text }) => text === 'yes')).toHaveLength(1_200 - refused)
    expect(state().faults).toEqual({ busy: refused, timeout: 1 })
  })
})

/** A store whose functions can be taken out of it. */
function bound(store: KvStore): KvStore {
  return {
    get: (key) => store.get(key),
    expiresAt: (key) => store.expiresAt(key),
    set: (key, value, expiresAt, writer) => store.set(key, value, expiresAt, writer),
    delete: (key) => store.delete(key),
    usage: (owner) => store.usage(owner),
  }
}
