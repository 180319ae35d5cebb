/**
 * Messages of every size and kind, through every way in and every transport, all intact: as bytes that pass as they are, and
 * taken apart and put together again. `WEBSOCKET_ECHO=all` has each client send the largest through each of them.
 */
import { createProxy, createUpstream } from '@sluice/core'
import { seededRandom, waitFor } from '@sluice/testing'
import { webSocket, type WebSocketOptions } from '@sluice/websocket'
import { describe, expect, it } from 'vitest'
import { closing } from '../faults/clean-up.ts'
import { TRANSPORTS, type TransportKind } from '../faults/combinations.ts'
import { ECHO_CLIENTS, type EchoClient, type Message } from './echo-clients.ts'
import { echoTarget } from './echo-target.ts'
import { WAYS_IN, type WayIn } from './ways-in.ts'

const MIB = 1_048_576
const SIZES = [0, 1, 125, 126, 65_535, 65_536, MIB, 16 * MIB]
const AT_ONCE = 100
const MESSAGES_EACH = 4

const opened = closing()

async function through(wayIn: WayIn, transport: TransportKind, options: WebSocketOptions) {
  const target = opened(await echoTarget(17 * MIB))
  const upstream = createUpstream('echo', { targets: [target.url], transport: transport.create({}) })
  const proxy = createProxy().use(webSocket(options)).forward(upstream)
  opened({ close: async () => await proxy.close({ drainMs: 0 }) })
  const { port } = opened(await wayIn.open(proxy))
  return { url: `ws://127.0.0.1:${port}/`, proxy, upstream, target }
}

const IS_WHOLE = process.env.WEBSOCKET_ECHO === 'all'
const random = seededRandom(AT_ONCE)
/** No two places of it are alike, and it compresses a little. */
const BYTES = Buffer.from(Uint32Array.from({ length: (17 * MIB) / 4 }, () => random() * 2 ** 32).buffer)
const TEXT = BYTES.toString('base64')

function messageOf(size: number, place: number, isBinary: boolean): Message {
  return isBinary ? BYTES.subarray(place, place + size) : TEXT.slice(place, place + size)
}

/** Not `toEqual`: it would compare, and print, sixteen million numbers. */
function isSame(one: Message, other: Message): boolean {
  return typeof one === 'string' || typeof other === 'string' ? one === other : one.equals(other)
}

async function comesBack(client: EchoClient, message: Message, fragments?: number): Promise<void> {
  client.send(message, fragments)
  const answer = await client.next()
  expect(isSame(message, answer), `${typeof message} of ${message.length}, ${fragments ?? 1} fragments`).toBe(true)
}

const MODES: readonly (readonly [name: string, options: WebSocketOptions])[] = [
  ['as they are', {}],
  ['taken apart', { frames: { maxMessageBytes: 17 * MIB, compression: true } }],
]
const CASES = MODES.flatMap(([mode, options]) =>
  WAYS_IN.flatMap((wayIn, i) => TRANSPORTS.map((transport, k) => ({ mode, options, wayIn, transport, place: i + k }))),
).filter(({ options, place }) => IS_WHOLE || options.frames === undefined || place === 0 || place === 3)

describe.each(CASES)('$wayIn.name, $transport.name transport, $mode', ({ options, wayIn, transport, place }) => {
  it.each(ECHO_CLIENTS)('carries every size for $name', { timeout: 30_000 }, async ({ name, open }) => {
    const { url, proxy, upstream, target } = await through(wayIn, transport, options)
    const client = await open(url)
    const isShort = place > 0 || name.includes('compressed')
    const largest = isShort && !IS_WHOLE ? MIB : 16 * MIB
    for (const [index, size] of SIZES.filter((each) => each <= largest).entries()) {
      await comesBack(client, messageOf(size, index, true))
      if (size < 16 * MIB) await comesBack(client, messageOf(size, index, false))
      if (size > 2 && size <= MIB) await comesBack(client, messageOf(size, index, true), 3)
    }
    expect([proxy.tunnels.length, upstream.active]).toEqual([1, 1])
    expect(await client.close()).toBe(1_000)
    await waitFor(() => proxy.inFlight === 0 && upstream.active === 0 && target.connections === 0)
  })

  it(`carries those of ${AT_ONCE} clients at once`, { timeout: 30_000 }, async () => {
    const { url, proxy, target } = await through(wayIn, transport, options)
    const clients = await Promise.all(
      Array.from({ length: AT_ONCE }, async (_, i) => await ECHO_CLIENTS[i % ECHO_CLIENTS.length]!.open(url)),
    )
    expect(proxy.tunnels).toHaveLength(AT_ONCE)
    await Promise.all(
      clients.map(async (client, i) => {
        const messages = Array.from({ length: MESSAGES_EACH }, (_, k) =>
          messageOf(Math.floor(random() ** 4 * 40_000), i * MESSAGES_EACH + k, k % 2 === 0),
        )
        for (const message of messages) client.send(message)
        for (const message of messages) expect(isSame(await client.next(), message)).toBe(true)
      }),
    )
    expect(await Promise.all(clients.map(async (client) => await client.close()))).toEqual(clients.map(() => 1_000))
    await waitFor(() => proxy.inFlight === 0 && target.connections === 0)
  })
})
