/** What a plugin does on a thread of its own ends there: the exchange that it was at has failed, all others go on. */
import { waitFor } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { hook } from '../guest.ts'
import { DONE, IF_ASKED, LONG, SPIN, started } from './isolated-plugin.ts'

describe('a spin', () => {
  it('ends with its time, and the thread that stands by takes over', async () => {
    const code = hook('on_request_head', `${IF_ASKED('spin', SPIN)} ${DONE}`)
    const { send, state, proxy } = await started(code, { limits: { computeMs: 200 } })
    expect(proxy.explain().middlewares).toEqual(['plugin:isolated (worker)'])
    await send()
    await waitFor(() => state().threads.live === 2, LONG)
    let turns = 0
    const counting = setInterval(() => turns++, 1)
    const startedAt = performance.now()
    const spinning = send({ 'x-spin': '1' })
    // Behind it in the same thread, and answered by the next.
    const others = await Promise.all(Array.from({ length: 20 }, () => send()))
    const { status, text } = await spinning
    const tookMs = performance.now() - startedAt
    clearInterval(counting)
    expect(others.every((other) => other.text === 'yes')).toBe(true)
    expect(status).toBe(504)
    expect(JSON.parse(text)).toMatchObject({ code: 'ERR_SLUICE_PLUGIN_TIMEOUT' })
    expect(tookMs).toBeGreaterThan(199)
    // The proxy's own thread was free meanwhile.
    expect(turns).toBeGreaterThan(10)
    expect(state()).toMatchObject({ faults: { timeout: 1 }, threads: { lost: 1 }, isolation: 'worker' })
    await waitFor(() => state().threads.live === 2, LONG)
    expect((await send()).text).toBe('yes')
  })

  it('again and again lets the plugin rest, as any fault', async () => {
    const code = hook('on_request_head', SPIN)
    const { send, state } = await started(code, { limits: { computeMs: 20 }, breaker: { faults: 2 }, failure: 'open' })
    expect([(await send()).text, (await send()).text, (await send()).text]).toEqual(['nobody', 'nobody', 'nobody'])
    expect(state()).toMatchObject({ breaker: 'open', faults: { timeout: 2, open: 1 }, skips: 1 })
  })

  it('ends with its fuel where that is less than its time', async () => {
    const { send, state } = await started(hook('on_request_head', SPIN), { limits: { fuel: 10_000 } })
    expect((await send()).status).toBe(500)
    expect(state()).toMatchObject({ faults: { fuel: 1 }, threads: { lost: 0 } })
  })
})
