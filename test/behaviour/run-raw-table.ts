/** Runs the table of bytes over an entry. */
import { type Transport, wireTransport } from '@sluice/core'
import { echo, listenUpstream, type ListeningUpstream, rawClient, waitFor } from '@sluice/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type AnyProxy, type Site, upstreamsOn } from './behaviour-case.ts'
import { checkFields, checkRequests } from './check-outcome.ts'
import type { ExpectedResponse, RawCase } from './raw-case.ts'
import { framing } from './raw-cases/framing.ts'
import { hosts } from './raw-cases/hosts.ts'
import { messages } from './raw-cases/messages.ts'
import { targets } from './raw-cases/targets.ts'

/** A way in that is a port. */
export interface RawEntry {
  readonly name: string
  /** Whether `bareResponses` count. */
  readonly isBare: boolean
  open(proxy: AnyProxy): Promise<{ readonly port: number; close(): Promise<void> }>
}

const NOWHERE: Site = {
  upstream: '',
  refused: '',
  odd: '',
  targetVersion: '1.1',
  createUpstream: upstreamsOn(wireTransport),
}

/** Declares the tests of one entry. */
export function runRawTable(entry: RawEntry, createTransport: () => Transport = wireTransport): void {
  describe(entry.name, () => {
    const createUpstream = upstreamsOn(createTransport)
    let upstream: ListeningUpstream
    let answer: NonNullable<RawCase['answer']> = echo
    beforeAll(async () => {
      upstream = await listenUpstream((request) => answer(request))
    })
    afterAll(async () => await upstream.close())
    for (const group of [...hosts, ...targets, ...framing, ...messages]) {
      describe(group.name, () => {
        let proxy: AnyProxy
        let open: Awaited<ReturnType<RawEntry['open']>>
        beforeAll(async () => {
          const { url } = upstream
          proxy = group.proxy({ upstream: url, refused: url, odd: url, targetVersion: '1.1', createUpstream })
          open = await entry.open(proxy)
        })
        afterAll(async () => {
          await open.close()
          await proxy.close()
        })
        for (const row of group.cases) {
          it(row.name, async () => {
            upstream.reset()
            answer = row.answer ?? echo
            await converse(open.port, row, entry.isBare ? (row.bareResponses ?? row.responses) : row.responses)
            await waitFor(() => proxy.inFlight === 0, { what: 'the exchange to end' })
            // What was refused in its middle may have begun there; it must never be whole.
            // Those of a pipeline run side by side; only their answers have an order.
            const whole = upstream.requests
              .filter((request) => request.complete)
              .sort((a, b) => a.path.localeCompare(b.path))
            checkRequests(whole, row.upstream, { ...NOWHERE, upstream: upstream.url })
          })
        }
      })
    }
  })
}

async function converse(port: number, row: RawCase, expected: readonly ExpectedResponse[]): Promise<void> {
  const client = await rawClient({ port })
  try {
    client.write(row.bytes)
    for (const [index, response] of expected.entries()) {
      expectResponse(await client.readResponse(), response)
      if (index === 0 && row.continuation !== undefined) client.write(row.continuation)
    }
    if (row.closes !== true) return
    await client.closed
    const read = client.received.toString('latin1').match(/HTTP\/1\.1 \d{3} /g) ?? []
    expect(read, 'responses before the end').toHaveLength(expected.length)
  } finally {
    client.destroy()
  }
}

type Received = Awaited<ReturnType<Awaited<ReturnType<typeof rawClient>>['readResponse']>>

function expectResponse(received: Received, { status, headers = {}, body }: ExpectedResponse): void {
  expect([status].flat(), `status; the body is: ${received.body.toString()}`).toContain(received.status)
  expect(received.complete).toBe(true)
  checkFields(received.headers, headers, NOWHERE)
  if (typeof body === 'string') expect(received.body.toString('latin1')).toBe(body)
  else if (body !== undefined) expect(received.body.toString('latin1')).toMatch(body)
}
