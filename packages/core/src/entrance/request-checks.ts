/**
 * What a request head must satisfy before anything looks at it. What is malformed or ambiguous is refused here, so that
 * nothing later has to wonder (RFC 9112, sections 3 and 6; RFC 9110, section 7.2).
 */
import type { HeaderList } from '@sluice/wire'
import { fieldName, isToken, maskOf, UNKNOWN_NAMES } from '@sluice/wire'
import { DownstreamError } from '../errors.ts'
import type { ReceivedRequest } from '../exchange-request.ts'
import { parseAuthority } from '../routing/authority.ts'

/** A head that passed: the target in origin form (or `*`), and the authority as the client wrote it. */
export interface CheckedHead {
  readonly target: string
  /** `host[:port]`; empty where an HTTP/1.0 client named none. */
  readonly authority: string
  /** The host alone, lower case. */
  readonly host: string
}

const HOST = fieldName('host')
const TRANSFER_ENCODING = maskOf('transfer-encoding')
const CONTENT_LENGTH = maskOf('content-length')

/** Throws where the head breaks a rule. `upgrade` is the protocol that it asks to switch to. */
export function checkHead(received: ReceivedRequest, maxTargetBytes: number, upgrade?: string): CheckedHead {
  const { method, target, headers, httpVersion } = received
  if (method !== 'GET' && !isToken(method))
    throw new DownstreamError('ERR_SLUICE_BAD_REQUEST', { message: 'the method is not a token' })
  // The extended one of HTTP/2 asks for what an upgrade does in HTTP/1.1 (RFC 8441).
  if (method === 'CONNECT' && !(httpVersion === '2.0' && upgrade === 'websocket'))
    throw new DownstreamError('ERR_SLUICE_METHOD_REFUSED', { message: 'CONNECT is not for a reverse proxy' })
  if (target.length > maxTargetBytes) throw new DownstreamError('ERR_SLUICE_TARGET_TOO_LONG')
  if (headers.hasAny(TRANSFER_ENCODING)) checkTransferEncoding(received)
  else if (headers.hasAny(CONTENT_LENGTH)) checkContentLength(received)
  return checkTarget(received, hostOf(received))
}

function checkTransferEncoding({ headers, httpVersion }: ReceivedRequest): void {
  const codings = headers.getAll('transfer-encoding')
  const isChunked = codings.length === 1 && codings[0]!.toLowerCase() === 'chunked'
  if (!isChunked || httpVersion === '1.0' || headers.has('content-length')) {
    throw new DownstreamError('ERR_SLUICE_BAD_REQUEST', { message: 'the request can be framed in more than one way' })
  }
}

/** One field, digits only: a list of equal numbers would be as bad as two fields. */
function checkContentLength({ headers }: ReceivedRequest): void {
  const lengths = headers.getAll('content-length')
  if (lengths.length !== 1 || !/^[0-9]{1,15}$/.test(lengths[0]!)) {
    throw new DownstreamError('ERR_SLUICE_BAD_REQUEST', { message: 'Content-Length is not one number' })
  }
}

/** The one `Host`, which a request to a web server never leaves empty; only HTTP/1.0 may leave it out. */
function hostOf({ headers, httpVersion }: ReceivedRequest): string {
  // Several are joined with a comma here, which no host has.
  const host = headers.getKnown(HOST)
  if (host === undefined && httpVersion === '1.0') return ''
  if (host === undefined) throw new DownstreamError('ERR_SLUICE_BAD_HOST', { message: 'there is no Host field' })
  if (host === '') throw new DownstreamError('ERR_SLUICE_BAD_HOST', { message: 'the Host field is empty' })
  return host
}

function checkTarget({ method, target }: ReceivedRequest, authority: string): CheckedHead {
  const host = authority === '' ? '' : checkAuthority(authority)
  if (target === '*' && method === 'OPTIONS') return { target, authority, host }
  const originForm = target.startsWith('/') ? target : fromAbsoluteForm(target, authority)
  // Of the visible ASCII characters only "#" can not stand in a target. `//host` would be another origin to a client.
  if (!VISIBLE.test(originForm) || originForm.startsWith('//') || originForm.startsWith('/\\')) {
    throw new DownstreamError('ERR_SLUICE_BAD_TARGET')
  }
  return { target: originForm, authority, host }
}

const VISIBLE = /^[\x21\x22\x24-\x7e]+$/

/** `http://host/path` with the same host as the Host field, as proxies send it; another host is none of ours. */
function fromAbsoluteForm(target: string, authority: string): string {
  const parts = /^https?:\/\/([^/?#]*)([/?].*)?$/i.exec(target)
  if (parts === null) throw new DownstreamError('ERR_SLUICE_BAD_TARGET')
  if (parts[1]!.toLowerCase() !== authority.toLowerCase()) {
    throw new DownstreamError('ERR_SLUICE_BAD_HOST', { message: 'the target names another host than the Host field' })
  }
  const rest = parts[2] ?? '/'
  return rest.startsWith('/') ? rest : `/${rest}`
}

function checkAuthority(authority: string): string {
  const parsed = parseAuthority(authority)
  if (parsed === undefined) throw new DownstreamError('ERR_SLUICE_BAD_HOST')
  return parsed.host
}

/**
 * Removes names that a lax upstream could take for framing once it maps `_` to `-`, as CGI-like servers do; with `all`
 * every name that has an underscore.
 */
export function dropUnderscoreFields(headers: HeaderList, all: boolean): void {
  if (!headers.hasAny(UNKNOWN_NAMES)) return
  headers.deleteWhere((key) => key.includes('_') && (all || FRAMING_LOOKALIKES.has(key.replaceAll('_', '-'))))
}

const FRAMING_LOOKALIKES = new Set([
  'content-length',
  'transfer-encoding',
  'host',
  'connection',
  'expect',
  'upgrade',
  'te',
  'trailer',
])
