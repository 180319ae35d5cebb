/** Heads as text, written as latin1 in one piece. Names and values were checked when they entered their list. */
import { STATUS_CODES } from 'node:http'
import type { HeaderList } from '../header-list.ts'

/** `METHOD target HTTP/1.1`, the fields, and `extra` (whole lines), up to and with the empty line. */
export function serializeRequestHead(method: string, target: string, headers: HeaderList, extra: string): string {
  return method + ' ' + target + ' HTTP/1.1\r\n' + headers.lines() + extra + '\r\n'
}

/** `HTTP/1.1 status reason`, the fields, and `extra` (whole lines), up to and with the empty line. */
export function serializeReplyHead(status: number, headers: HeaderList, extra: string): string {
  return statusLine(status) + headers.lines() + extra + '\r\n'
}

const statusLines: string[] = []

function statusLine(status: number): string {
  return (statusLines[status] ??= `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n`)
}

/** The last chunk and the trailer section, up to and with the empty line. */
export function lastChunk(trailers: HeaderList | undefined): string {
  return trailers === undefined ? '0\r\n\r\n' : `0\r\n${sendableTrailers(trailers).lines()}\r\n`
}

/** The trailer fields that may be sent: a list of its own, without those that may not come behind a message. */
export function sendableTrailers(trailers: HeaderList): HeaderList {
  const sent = trailers.copy()
  sent.deleteWhere((key) => NO_TRAILERS.has(key.includes('_') ? key.replaceAll('_', '-') : key))
  return sent
}

/**
 * What frames, routes or authorises a message, vouches for its client, or says how it is to be read, can't come behind it (RFC 9110, section 6.5.1); nor
 * with `_` for `-`, which CGI-like upstreams take for the same.
 */
const NO_TRAILERS = new Set([
  'transfer-encoding',
  'content-length',
  'host',
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
  'expect',
  'authorization',
  'proxy-authorization',
  'proxy-authenticate',
  'www-authenticate',
  'cookie',
  'set-cookie',
  'content-encoding',
  'content-type',
  'content-range',
  'range',
  'cache-control',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-real-ip',
  'client-cert',
  'client-cert-chain',
])
