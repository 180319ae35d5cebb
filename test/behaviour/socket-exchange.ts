/** One request over a connection of its own, written as the bytes it is. */
import { rawClient } from '@sluice/testing'
import type { CaseRequest } from './behaviour-case.ts'
import { BodyCollector, fieldsOf, type Observed, type Watch } from './entry.ts'

const TIMEOUT_MS = 5_000

/** Sends a request to a port of loopback and reads the final response. */
export async function sendOverSocket(port: number, request: CaseRequest, watch: Watch | undefined): Promise<Observed> {
  const client = await rawClient({ port })
  try {
    const arriving = new BodyCollector(watch)
    client.socket.on('data', (chunk) => arriving.add(chunk))
    client.write(headOf(request))
    client.write(bodyOf(request))
    for (;;) {
      const response = await client.readResponse({ bodyless: request.method === 'HEAD', timeoutMs: TIMEOUT_MS })
      if (response.status < 200) continue
      if (!response.complete) throw new Error('the response broke off')
      return response
    }
  } finally {
    client.destroy()
  }
}

function headOf(request: CaseRequest): string {
  const lines = fieldsOf(request).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${request.method ?? 'GET'} ${request.path} HTTP/1.1\r\n${lines.join('')}\r\n`
}

function bodyOf({ body, chunks }: CaseRequest): Uint8Array {
  if (chunks === undefined) return Buffer.from(body ?? '')
  const framed = chunks.map((chunk) => `${Buffer.byteLength(chunk).toString(16)}\r\n${chunk}\r\n`)
  return Buffer.from(`${framed.join('')}0\r\n\r\n`)
}
