/** Messages that go to a target through a proxy and come back: of every size and kind, one after the other and many at once. */
import assert from 'node:assert/strict'
import {
  createProxy,
  createUpstream,
  http2Transport,
  type Proxy,
  type Random,
  type Transport,
  type Upstream,
} from '@sluice/core'
import { seededRandom, waitFor } from '@sluice/testing'
import { webSocket, type WebSocketOptions } from '@sluice/websocket'
import { TRANSPORTS } from '../faults/combinations.ts'
import { ECHO_CLIENTS, type EchoClient, type EchoClientKind, type Message } from './echo-clients.ts'
import { type EchoTarget, echoTarget } from './echo-target.ts'
import type { OpenWay, WayIn } from './ways-in.ts'

export const MIB = 1_048_576
export const LARGEST: number = 16 * MIB
export const AT_ONCE = 100
/** Where lengths are written in another way (RFC 6455, section 5.2), and on either side of it. */
const SIZES = [0, 1, 125, 126, 65_535, 65_536, MIB, LARGEST]
const MESSAGES_EACH = 4
const MAX_MESSAGE_BYTES = 17 * MIB

/** Bytes that pass as they are. */
export const AS_THEY_ARE: WebSocketOptions = {}
/** Messages that the proxy takes apart, and puts together again. */
export const TAKEN_APART: WebSocketOptions = { frames: { maxMessageBytes: MAX_MESSAGE_BYTES, compression: true } }

const random = seededRandom(AT_ONCE)
/** No two places of it are alike, and it compresses a little. */
const BYTES = Buffer.from(Uint32Array.from({ length: MAX_MESSAGE_BYTES / 4 }, () => random() * 2 ** 32).buffer)
const TEXT = BYTES.toString('base64')

/** How the proxy gets to its target. */
export interface WayOut {
  readonly name: string
  readonly isHttp2: boolean
  create(): Transport
}

export const WAYS_OUT: readonly WayOut[] = [
  ...TRANSPORTS.map(({ name, create }) => ({ name, isHttp2: false, create: () => create({}) })),
  { name: 'http2', isHttp2: true, create: () => http2Transport({ priorKnowledge: true }) },
]

/** A proxy in front of a target that echoes. */
export interface EchoSite {
  readonly way: OpenWay
  readonly proxy: Proxy
  readonly upstream: Upstream
  readonly target: EchoTarget
  close(): Promise<void>
}

export async function echoSite(wayIn: WayIn, wayOut: WayOut, options: WebSocketOptions): Promise<EchoSite> {
  const target = await echoTarget(MAX_MESSAGE_BYTES, wayOut.isHttp2)
  const upstream = createUpstream('echo', { targets: [target.url], transport: wayOut.create() })
  const proxy = createProxy().use(webSocket(options)).forward(upstream)
  const way = await wayIn.open(proxy)
  return {
    way,
    proxy,
    upstream,
    target,
    async close() {
      await proxy.close({ drainMs: 0 })
      await way.close()
      await target.close()
    },
  }
}

/** Sends messages of every size up to `largest`: binary, text, and in fragments. Nothing is left of its tunnel in the end. */
export async function echoEverySize(site: EchoSite, kind: EchoClientKind, largest: number): Promise<void> {
  const client = await kind.open(site.way)
  for (const [index, size] of SIZES.filter((each) => each <= largest).entries()) {
    await comesBack(client, messageOf(size, index, true))
    if (size < LARGEST) await comesBack(client, messageOf(size, index, false))
    if (size > 2 && size < LARGEST) await comesBack(client, messageOf(size, index, true), 3)
  }
  assert.deepEqual([site.proxy.tunnels.length, site.upstream.active], [1, 1])
  assert.equal(await client.close(), 1_000)
  await nothingIsLeft(site)
}

/** Has 100 clients of all kinds send messages at the same time. */
export async function echoManyAtOnce(site: EchoSite, seed: number): Promise<void> {
  const { way, proxy } = site
  const kindOf = (index: number): EchoClientKind => ECHO_CLIENTS[index % ECHO_CLIENTS.length]!
  const clients = await Promise.all(Array.from({ length: AT_ONCE }, async (_, index) => await kindOf(index).open(way)))
  assert.equal(proxy.tunnels.length, AT_ONCE)
  const sizes = seededRandom(seed)
  await Promise.all(clients.map(async (client, index) => await converse(client, index * MESSAGES_EACH, sizes)))
  const codes = await Promise.all(clients.map(async (client) => await client.close()))
  assert.deepEqual(new Set(codes), new Set([1_000]))
  await nothingIsLeft(site)
}

async function converse(client: EchoClient, place: number, sizes: Random): Promise<void> {
  const messages = Array.from({ length: MESSAGES_EACH }, (_, index) =>
    messageOf(Math.floor(sizes() ** 4 * 40_000), place + index, index % 2 === 0),
  )
  for (const message of messages) client.send(message)
  for (const message of messages) assertSame(await client.next(), message, 'one of many')
}

async function comesBack(client: EchoClient, message: Message, fragments = 1): Promise<void> {
  client.send(message, fragments)
  assertSame(await client.next(), message, `${typeof message} of ${message.length}, fragments: ${fragments}`)
}

async function nothingIsLeft({ proxy, upstream, target }: EchoSite): Promise<void> {
  await waitFor(() => proxy.inFlight === 0 && upstream.active === 0 && target.connections === 0, {
    what: 'the tunnels to be gone',
  })
}

function messageOf(size: number, place: number, isBinary: boolean): Message {
  return isBinary ? BYTES.subarray(place, place + size) : TEXT.slice(place, place + size)
}

/** Not `deepEqual`: it would compare, and print, sixteen million numbers. */
function assertSame(one: Message, other: Message, what: string): void {
  const isSame = typeof one === 'string' || typeof other === 'string' ? one === other : one.equals(other)
  assert.ok(isSame, `what came back is not what was sent: ${what}`)
}
