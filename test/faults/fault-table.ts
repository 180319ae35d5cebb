/** What an upstream does wrong, and what a client is to see of it. */
import type { ForwardOptions } from '@sluice/core'
import type { HostileBehaviour } from '@sluice/testing'
import type { TransportBounds, TransportKind } from './combinations.ts'
import type { FaultRequest } from './ways-in.ts'

export interface FaultCase {
  readonly name: string
  readonly behaviour: HostileBehaviour
  readonly request?: FaultRequest
  readonly forward?: ForwardOptions
  readonly bounds?: TransportBounds
  /**
   * A refusal by status and code; `broken`: whatever came is visibly cut off; or the whole body of a good reply. Several
   * codes where the kernel decides which side of a race is seen.
   */
  readonly expected:
    | { readonly status: number; readonly codes: readonly string[] }
    | { readonly broken: true }
    | { readonly body: string; readonly status?: number }
  /** For transports that can tell a reset from the end of a connection. */
  readonly needsResetTold?: true
  /** Real milliseconds within which the outcome is there. */
  readonly withinMs?: number
}

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
const GATEWAY_ERROR = 502
const broken = { broken: true } as const

function refusal(status: number, ...codes: readonly string[]): FaultCase['expected'] {
  return { status, codes: codes.map((code) => `ERR_SLUICE_${code}`) }
}

const BEFORE_THE_HEAD: readonly FaultCase[] = [
  { name: 'refused', behaviour: { kind: 'refuse' }, expected: refusal(GATEWAY_ERROR, 'CONNECT_REFUSED') },
  {
    name: 'connecting hangs',
    behaviour: { kind: 'hang-connect' },
    bounds: { connectTimeoutMs: 150 },
    expected: refusal(504, 'CONNECT_TIMEOUT'),
    withinMs: 1_500,
  },
  {
    name: 'accepted, then silent',
    behaviour: { kind: 'accept-and-hang' },
    forward: { headTimeoutMs: 150 },
    expected: refusal(504, 'HEAD_TIMEOUT'),
    withinMs: 1_500,
  },
  {
    name: 'a head that drips past its time',
    behaviour: { kind: 'drip', part: 'head', everyMs: 20 },
    forward: { headTimeoutMs: 150 },
    expected: refusal(504, 'HEAD_TIMEOUT'),
  },
  {
    name: 'longer than the total time',
    behaviour: { kind: 'accept-and-hang' },
    forward: { totalTimeoutMs: 100 },
    expected: refusal(504, 'TOTAL_TIMEOUT'),
    withinMs: 1_500,
  },
  {
    name: 'reset on accept',
    behaviour: { kind: 'reset-on-accept' },
    // Whether the reset overtakes the news of the connection is a matter of luck.
    expected: refusal(GATEWAY_ERROR, 'CONNECTION_RESET', 'CONNECT_FAILED'),
  },
  {
    name: 'reset once the head is there',
    behaviour: { kind: 'reset-after-head-received' },
    expected: refusal(GATEWAY_ERROR, 'CONNECTION_RESET'),
  },
  {
    name: 'reset once the head of an upload is there',
    behaviour: { kind: 'reset-after-head-received' },
    request: { method: 'POST', body: 'x'.repeat(10_000) },
    expected: refusal(GATEWAY_ERROR, 'CONNECTION_RESET'),
  },
  {
    name: 'reset in the middle of the head',
    behaviour: { kind: 'reset-mid-head' },
    expected: refusal(GATEWAY_ERROR, 'CONNECTION_RESET'),
  },
  {
    name: 'closed in order without a word',
    behaviour: { kind: 'raw', bytes: '', leave: 'fin' },
    expected: refusal(GATEWAY_ERROR, 'CONNECTION_RESET'),
  },
  {
    name: 'closed in order in the middle of the head',
    behaviour: { kind: 'raw', bytes: 'HTTP/1.1 200 OK\r\nContent-Le', leave: 'fin' },
    expected: refusal(GATEWAY_ERROR, 'CONNECTION_RESET', 'RESPONSE_INVALID'),
  },
]

const MALFORMED: readonly FaultCase[] = [
  {
    name: 'a bad status line',
    behaviour: { kind: 'bad-status-line' },
    expected: refusal(GATEWAY_ERROR, 'RESPONSE_INVALID'),
  },
  {
    name: 'another protocol',
    behaviour: { kind: 'raw', bytes: 'SSH-2.0-OpenSSH_9.6\r\n' },
    expected: refusal(GATEWAY_ERROR, 'RESPONSE_INVALID'),
  },
  {
    name: 'a status that does not exist',
    behaviour: { kind: 'raw', bytes: 'HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n' },
    expected: refusal(GATEWAY_ERROR, 'RESPONSE_INVALID'),
  },
  {
    name: 'a space before a colon',
    behaviour: { kind: 'raw', bytes: 'HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello' },
    expected: refusal(GATEWAY_ERROR, 'RESPONSE_INVALID'),
  },
  {
    name: 'NUL in a field',
    behaviour: { kind: 'raw', bytes: 'HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 5\r\n\r\nhello' },
    expected: refusal(GATEWAY_ERROR, 'RESPONSE_INVALID'),
  },
  {
    name: 'two lengths that differ',
    behaviour: { kind: 'raw', bytes: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!' },
    expected: refusal(GATEWAY_ERROR, 'RESPONSE_INVALID'),
  },
  {
    name: 'a length that is no number',
    behaviour: { kind: 'raw', bytes: 'HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello' },
    expected: refusal(GATEWAY_ERROR, 'RESPONSE_INVALID'),
  },
  {
    name: 'length and chunks at once',
    behaviour: { kind: 'content-length-and-chunked' },
    expected: refusal(GATEWAY_ERROR, 'RESPONSE_INVALID'),
  },
  {
    name: 'a huge head',
    behaviour: { kind: 'huge-head' },
    expected: refusal(GATEWAY_ERROR, 'RESPONSE_HEADERS_TOO_LARGE'),
  },
  { name: 'a bad chunk size', behaviour: { kind: 'bad-chunk-size' }, expected: broken },
  { name: 'a chunk size that is no number', behaviour: { kind: 'bad-chunk-size', size: 'zz' }, expected: broken },
  { name: 'a negative chunk size', behaviour: { kind: 'bad-chunk-size', size: '-5' }, expected: broken },
]

const CUT_OFF: readonly FaultCase[] = [
  { name: 'FIN short of the length', behaviour: { kind: 'fin-mid-body' }, expected: broken },
  { name: 'FIN one byte short of the length', behaviour: { kind: 'short-content-length' }, expected: broken },
  { name: 'RST short of the length', behaviour: { kind: 'reset-mid-body' }, expected: broken },
  { name: 'FIN within a chunk', behaviour: { kind: 'fin-mid-chunk' }, expected: broken },
  { name: 'FIN between chunks', behaviour: { kind: 'fin-between-chunks' }, expected: broken },
  {
    name: 'FIN within the last chunk',
    behaviour: { kind: 'raw', bytes: `${CHUNKED}5\r\nhello\r\n0\r\n`, leave: 'fin' },
    expected: broken,
  },
  {
    name: 'RST within a chunk',
    behaviour: { kind: 'raw', bytes: `${CHUNKED}a\r\n01234`, leave: 'reset' },
    expected: broken,
  },
  {
    name: 'RST between chunks',
    behaviour: { kind: 'raw', bytes: `${CHUNKED}5\r\nhello\r\n`, leave: 'reset' },
    expected: broken,
  },
  {
    name: 'RST in a body that lasts until the end of the connection',
    behaviour: { kind: 'raw', bytes: 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello', leave: 'reset' },
    expected: broken,
    needsResetTold: true,
  },
  {
    name: 'RST within a chunk of a reply that closes the connection',
    behaviour: {
      kind: 'raw',
      bytes: `${CHUNKED.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')}a\r\n01234`,
      leave: 'reset',
    },
    expected: broken,
  },
  {
    name: 'RST short of the length of a reply that closes the connection',
    behaviour: {
      kind: 'raw',
      bytes: 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 10\r\n\r\n01234',
      leave: 'reset',
    },
    expected: broken,
  },
  {
    name: 'silence in the middle of the body',
    behaviour: { kind: 'stall-mid-body' },
    forward: { bodyIdleTimeoutMs: 150 },
    expected: broken,
    withinMs: 1_500,
  },
  {
    name: 'a body that drips past the total time',
    behaviour: { kind: 'drip', part: 'body', everyMs: 60 },
    forward: { totalTimeoutMs: 100 },
    expected: broken,
  },
]

const SLOW_OR_ODD_BUT_GOOD: readonly FaultCase[] = [
  { name: 'a head that drips', behaviour: { kind: 'drip', part: 'head', everyMs: 1 }, expected: { body: 'hello' } },
  { name: 'a body that drips', behaviour: { kind: 'drip', part: 'body', everyMs: 5 }, expected: { body: 'hello' } },
  {
    name: 'a body that drips, each byte in time',
    behaviour: { kind: 'drip', part: 'body', everyMs: 60 },
    forward: { bodyIdleTimeoutMs: 200 },
    expected: { body: 'hello' },
  },
  {
    name: 'a body that lasts until the end of the connection',
    behaviour: { kind: 'raw', bytes: 'HTTP/1.1 200 OK\r\n\r\nhello', leave: 'fin' },
    expected: { body: 'hello' },
  },
  { name: 'more than its length', behaviour: { kind: 'long-content-length' }, expected: { body: 'hello' } },
  { name: 'a second reply that nobody asked for', behaviour: { kind: 'second-head' }, expected: { body: 'hello' } },
  {
    name: 'an answer to a request that is still being sent',
    behaviour: { kind: 'raw', bytes: 'HTTP/1.1 413 Too Large\r\nContent-Length: 5\r\n\r\nearly', leave: 'fin' },
    request: { method: 'POST', body: 'x'.repeat(100_000) },
    expected: { body: 'early', status: 413 },
  },
]

const ALL: readonly FaultCase[] = [...BEFORE_THE_HEAD, ...MALFORMED, ...CUT_OFF, ...SLOW_OR_ODD_BUT_GOOD]

/** The cases for a transport. */
export function faultsFor(transport: TransportKind): readonly FaultCase[] {
  return ALL.filter((fault) => fault.needsResetTold === undefined || transport.tellsResetFromEnd)
}

/**
 * What a client of HTTP/1.0 gets has no chunks: the end of the connection is the end of the body, unless it is a reset.
 */
export function cutOffFor(transport: TransportKind): readonly FaultCase[] {
  return faultsFor(transport).filter((fault) => CUT_OFF.includes(fault))
}
