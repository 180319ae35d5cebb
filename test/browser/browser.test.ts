/** A page in a real browser, over HTTP/2: what it fetches, its event stream and its WebSocket all go through the proxy. */
import { createProxy, createUpstream, type Proxy } from '@sluice/core'
import { certificateAuthority, waitFor } from '@sluice/testing'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { closing } from '../faults/clean-up.ts'
import { startChromium } from './chromium.ts'
import { type PageTarget, pageTarget } from './page-target.ts'

let browser: Browser
beforeAll(async () => {
  browser = await startChromium()
}, 30_000)
afterAll(async () => await browser.close())

const opened = closing()

describe('a page over HTTP/2', () => {
  let target: PageTarget
  let proxy: Proxy
  let page: Page
  /** What the proxy was asked, with the version by which. */
  let asked: Map<string, string>
  let connections: () => number

  beforeEach(async () => {
    target = opened(await pageTarget())
    asked = new Map()
    proxy = createProxy()
      .use(async (exchange, next) => {
        asked.set(exchange.received.target, exchange.received.httpVersion)
        return await next(exchange)
      })
      .forward(createUpstream('page', { targets: [target.url] }))
    opened({ close: async () => await proxy.close({ drainMs: 0 }) })
    const { cert, key } = certificateAuthority().issue({ names: ['localhost'] })
    const listener = await proxy.listen({ host: '127.0.0.1', tls: { cert, key } })
    connections = () => listener.connections
    page = opened(await browser.newPage({ ignoreHTTPSErrors: true }))
    const response = await page.goto(`https://localhost:${listener.address.port}/`)
    expect(response?.status()).toBe(200)
  })

  it('is fetched, and fetches, by h2; what it fetches comes as it is sent', async () => {
    const reading = page.evaluate('readPieces()')
    await waitFor(() => target.isReadingPieces)
    // The target sends a piece only when the one before it has arrived.
    target.sendPiece('one', false)
    await page.waitForFunction("document.title === 'one'")
    target.sendPiece('two', true)
    expect(await reading).toEqual(['one', 'two'])
    expect(await page.evaluate('protocols()')).toEqual(['h2', 'h2'])
    expect([...asked]).toEqual([
      ['/', '2.0'],
      ['/pieces', '2.0'],
    ])
  })

  it('uploads a stream, which browsers do by HTTP/2 alone', async () => {
    expect(await page.evaluate('upload(20, 50_000)')).toBe('POST 1000000')
  })

  it('gets the events of its event source, connects again, and leaves', async () => {
    expect(await page.evaluate('readEvents()')).toEqual(['first', 'second', 'after 2'])
    expect([target.eventStreams, asked.get('/events')]).toEqual([1, '2.0'])
    await page.evaluate('leaveEvents()')
    await waitFor(() => target.eventStreams === 0 && proxy.inFlight === 0)
  })

  it('has a WebSocket on a stream of the same connection', async () => {
    expect(await page.evaluate('converse([0, 4, 100_000], [0, 200_000])')).toEqual({
      answers: [0, 4, 100_000, 0, 200_000],
      protocol: 'echo',
      code: 1000,
      wasClean: true,
    })
    expect([...asked]).toEqual([
      ['/', '2.0'],
      ['/socket', '2.0'],
    ])
    expect(connections()).toBe(1)
    await waitFor(() => proxy.tunnels.length === 0 && proxy.inFlight === 0)
  })
})
