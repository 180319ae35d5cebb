/** The proxy as a Fetch handler, called directly. */
import { ReadableStream } from 'node:stream/web'
import type { CaseRequest } from '../behaviour-case.ts'
import { BodyCollector, type Entry, fieldsOf } from '../entry.ts'

export const throughFetch: Entry = {
  name: 'Fetch',
  isMounted: false,
  open: async (proxy) => ({
    async send(request, watch) {
      // Where the client is does not follow from a Request: whoever received it says so.
      const response = await proxy.fetch(fetchRequest(request), { peer: { address: '127.0.0.1', port: 50_000 } })
      const arriving = new BodyCollector(watch)
      arriving.add(Buffer.alloc(0))
      for await (const chunk of response.body ?? []) arriving.add(chunk)
      return { status: response.status, headers: [...response.headers], body: arriving.body, trailers: undefined }
    },
    close: async () => {},
  }),
}

/** As a server makes it of what arrives: with the framing fields still there. */
function fetchRequest(request: CaseRequest): Request {
  const { method = 'GET', host = 'gateway.test', path, body, chunks } = request
  const content = chunks === undefined ? body : ReadableStream.from(chunks.map((chunk) => Buffer.from(chunk)))
  const init: RequestInit = { method, headers: fieldsOf(request).map(([name, value]) => [name, value]), duplex: 'half' }
  return new Request(`http://${host}${path}`, content === undefined ? init : { ...init, body: content })
}
