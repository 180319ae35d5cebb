/** No socket and no Fetch: `inject`. */
import { Readable } from 'node:stream'
import { Body } from '@sluice/wire'
import { BodyCollector, type Entry, fieldsOf } from '../entry.ts'

export const injected: Entry = {
  name: 'inject',
  isMounted: false,
  open: async (proxy) => ({
    async send(request, watch) {
      const { method = 'GET', path, body, chunks } = request
      const content = chunks === undefined ? body : Body.fromReadable(Readable.from(chunks))
      const reply = await proxy.inject({
        method,
        path,
        headers: fieldsOf(request),
        ...(content === undefined ? {} : { body: content }),
      })
      const arriving = new BodyCollector(watch)
      arriving.add(Buffer.alloc(0))
      for await (const chunk of reply.body.readable()) arriving.add(chunk as Buffer)
      return {
        status: reply.status,
        headers: [...reply.headers],
        body: arriving.body,
        trailers: [...(reply.trailers ?? [])],
      }
    },
    close: async () => {},
  }),
}
