/** What each behaviour says and does on a connection. */
import { STATUS_CODES } from 'node:http'
import type { Conversation } from './conversation.ts'
import type { HostileBehaviour, Leave } from './hostile-behaviour.ts'

/** Behaviours that have connections at all. */
export type PlayedBehaviour = Exclude<HostileBehaviour, { readonly kind: 'refuse' | 'hang-connect' }>

const GOOD_HEAD = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\n'
const GOOD_REPLY = `${GOOD_HEAD}hello`
const CHUNKED_HEAD = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
const BEGINNING = 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n0123456789'

type Play<Kind> = (behaviour: Extract<HostileBehaviour, { readonly kind: Kind }>, peer: Conversation) => Promise<void>

const PLAYS: { readonly [Kind in PlayedBehaviour['kind']]: Play<Kind> } = {
  'accept-and-hang': async () => {},
  'never-reads': async (_, peer) => peer.stopReading(),
  'reset-on-accept': async (_, peer) => await peer.reset(),
  'reset-after-head-received': says('', 'reset'),
  'reset-mid-head': says(({ head = 'HTTP/1.1 200 OK\r\nContent-Le' }) => head, 'reset'),
  'reset-mid-body': says(BEGINNING, 'reset'),
  'fin-mid-body': says(BEGINNING, 'fin'),
  'fin-mid-chunk': says(`${CHUNKED_HEAD}a\r\n01234`, 'fin'),
  'fin-between-chunks': says(`${CHUNKED_HEAD}a\r\n0123456789\r\n`, 'fin'),
  'stall-mid-body': says(BEGINNING, 'hold'),
  'short-content-length': says(GOOD_REPLY.slice(0, -1), 'fin'),
  'long-content-length': says(({ surplus = 'surplus' }) => GOOD_REPLY + surplus, 'hold'),
  'second-head': says(GOOD_REPLY + GOOD_REPLY.replace('hello', 'again'), 'hold'),
  'bad-status-line': says(({ line = 'HTTP/1.1 2x0 OK' }) => `${line}\r\nContent-Length: 5\r\n\r\nhello`, 'hold'),
  'huge-head': says(({ bytes = 1_048_576 }) => hugeHead(bytes), 'hold'),
  'content-length-and-chunked': says(
    `${CHUNKED_HEAD.replace('\r\n\r\n', '\r\nContent-Length: 5\r\n\r\n')}5\r\nhello\r\n0\r\n\r\n`,
    'hold',
  ),
  'bad-chunk-size': says(({ size = '5;\n' }) => `${CHUNKED_HEAD}${size}\r\nhello\r\n0\r\n\r\n`, 'hold'),
  drip,
  'close-idle-after-reply': closeIdle,
  raw: async ({ bytes, leave = 'hold' }, peer) => {
    for (;;) await answer(peer, bytes, leave)
  },
  'early-response': answerEarly,
}

/** Plays a behaviour on one connection, to its end. Rejects when the connection ends first. */
export async function play(behaviour: PlayedBehaviour, peer: Conversation): Promise<void> {
  const act = PLAYS[behaviour.kind] as (behaviour: PlayedBehaviour, peer: Conversation) => Promise<void>
  await act(behaviour, peer)
}

/** What is said once the head is there, and how the connection is left. */
function says<Behaviour>(bytes: string | ((behaviour: Behaviour) => string), leave: Leave) {
  return async (behaviour: Behaviour, peer: Conversation): Promise<void> =>
    await answer(peer, typeof bytes === 'string' ? bytes : bytes(behaviour), leave)
}

async function answer(peer: Conversation, bytes: string | Uint8Array, leave: Leave): Promise<void> {
  await peer.head()
  if (bytes.length > 0) await peer.send(bytes)
  if (leave === 'fin') peer.fin()
  if (leave === 'reset') await peer.reset()
}

async function answerEarly(
  { status = 413 }: Extract<HostileBehaviour, { readonly kind: 'early-response' }>,
  peer: Conversation,
): Promise<void> {
  await peer.head()
  peer.stopReading()
  const statusLine = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`
  await peer.send(`${statusLine}\r\nConnection: close\r\nContent-Length: 5\r\n\r\nearly`)
  peer.fin()
  await peer.quit()
}

async function closeIdle(
  behaviour: Extract<HostileBehaviour, { readonly kind: 'close-idle-after-reply' }>,
  peer: Conversation,
): Promise<void> {
  await answer(peer, GOOD_REPLY, 'hold')
  if (behaviour.when === 'second-request') await peer.more()
  else await peer.pause(behaviour.afterMs ?? 0)
  if (behaviour.leave === 'reset') await peer.reset()
  else peer.fin()
}

async function drip(
  behaviour: Extract<HostileBehaviour, { readonly kind: 'drip' }>,
  peer: Conversation,
): Promise<void> {
  await peer.head()
  const slow = behaviour.part === 'head' ? GOOD_HEAD : GOOD_REPLY.slice(GOOD_HEAD.length)
  if (behaviour.part === 'body') await peer.send(GOOD_HEAD)
  for (const byte of slow) {
    await peer.pause(behaviour.everyMs ?? 10)
    await peer.send(byte)
  }
  if (behaviour.part === 'head') await peer.send(GOOD_REPLY.slice(GOOD_HEAD.length))
}

function hugeHead(bytes: number): string {
  const field = `X-Padding: ${'x'.repeat(987)}\r\n`
  return `HTTP/1.1 200 OK\r\n${field.repeat(Math.ceil(bytes / field.length))}Content-Length: 0\r\n\r\n`
}
