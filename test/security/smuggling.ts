import type { Proxy } from '@sluice/core'
/** Declares the whole corpus as tests of one way through the proxy, in front of both upstreams. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { chunks, connections, heads, lengths, type PayloadClass, targets } from './corpus/index.ts'
import { guardedProxy, type Way } from './guarded-proxy.ts'
import { httpRecorder, rawRecorder } from './recording-upstreams.ts'
import { runPayload, type Site } from './run-payload.ts'

export const CORPUS: readonly PayloadClass[] = [...lengths, ...chunks, ...heads, ...targets, ...connections]

const UPSTREAMS = [
  { name: 'raw sockets', open: async () => await rawRecorder() },
  { name: 'http.Server', open: async () => await httpRecorder() },
]

export function describeSmuggling(way: Way): void {
  describe.each(UPSTREAMS)(`${way.name}, in front of $name`, ({ open }) => {
    let proxy: Proxy
    let site: Site
    beforeAll(async () => {
      const [upstream, oracle] = await Promise.all([open(), httpRecorder(false)])
      proxy = guardedProxy(way, upstream.url)
      const { address } = await proxy.listen({ listener: way.listener(), host: '127.0.0.1' })
      site = { port: address.port, isOwn: way.isOwn, upstream, oracle, inFlight: () => proxy.inFlight }
    })
    afterAll(async () => {
      await proxy.close({ drainMs: 0 })
      await Promise.all([site.upstream.close(), site.oracle.close()])
    })

    let number = 0
    for (const { name, payloads } of CORPUS) {
      describe(name, () => {
        for (const payload of payloads) {
          const its = ++number
          it(payload.name, async () => await runPayload(site, payload, its))
        }
      })
    }

    it('serves an ordinary request after all that', async () => {
      const ordinary = {
        name: '',
        bytes: 'GET /ordinary-0000 HTTP/1.1\r\nHost: a.test\r\n\r\n',
        outcome: 'single',
      } as const
      await runPayload(site, ordinary, 0)
      expect(site.upstream.arrived.map(({ target }) => target)).toContain('/ordinary-0000')
    })
  })
}
