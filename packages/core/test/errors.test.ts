import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  type AnyProxyError,
  ConfigError,
  DownstreamError,
  ERROR_CODES,
  InternalError,
  problemReply,
  ProxyError,
  type ProxyErrorCode,
  UpstreamError,
} from '../src/index.ts'

const CODES = Object.keys(ERROR_CODES) as ProxyErrorCode[]

/** RFC 9209, section 2.3: the initial contents of the registry. */
const PROXY_STATUS_TYPES = new Set(
  `dns_timeout dns_error destination_not_found destination_unavailable destination_ip_prohibited
  destination_ip_unroutable connection_refused connection_terminated connection_timeout connection_read_timeout
  connection_write_timeout connection_limit_reached tls_protocol_error tls_certificate_error tls_alert_received
  http_request_error http_request_denied http_response_incomplete http_response_header_section_size
  http_response_header_size http_response_body_size http_response_trailer_section_size http_response_trailer_size
  http_response_transfer_coding http_response_content_coding http_response_timeout http_upgrade_failed
  http_protocol_error proxy_internal_response proxy_internal_error proxy_configuration_error
  proxy_loop_detected`.split(/\s+/),
)

describe('the catalogue', () => {
  it.each(CODES)('describes %s', (code) => {
    const { status, source, proxyStatus, title } = ERROR_CODES[code]
    expect(code).toMatch(/^ERR_SLUICE_[A-Z_]+$/)
    expect(status).toBeGreaterThanOrEqual(source === 'downstream' ? 400 : 500)
    expect(status).toBeLessThanOrEqual(source === 'downstream' ? 499 : 599)
    expect(PROXY_STATUS_TYPES).toContain(proxyStatus)
    expect(title).toMatch(/^[A-Z][^:/\d]*\.$/)
  })

  it('stands in docs/errors.md, row by row, and nothing else does', () => {
    const text = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8')
    const rows = text.split('\n').filter((line) => /^\| `ERR_SLUICE_\w+` +\| \d/.test(line))
    const documented = rows.map((row) =>
      row
        .split('|')
        .slice(1, 6)
        .map((cell) => cell.trim().replaceAll('`', '')),
    )
    const catalogue = CODES.map((code) => {
      const { status, stage, retry, proxyStatus } = ERROR_CODES[code]
      return [code, String(status), stage, retry, proxyStatus]
    })
    expect(new Set(documented.map(String))).toEqual(new Set(catalogue.map(String)))
    expect(documented).toHaveLength(catalogue.length)
    for (const row of rows)
      for (const cell of row.split('|').slice(6, 8)) expect(cell.trim(), row).toMatch(/^\S.*[.?]$/)
  })

  it('of body and header errors stands there as well', () => {
    const codes = readFileSync(new URL('../../wire/src/errors.ts', import.meta.url), 'utf8').match(
      /(?<=\| ')ERR_SLUICE_\w+/g,
    )
    const text = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8')
    expect(codes?.length).toBeGreaterThan(5)
    for (const code of codes!) expect(text).toContain(`| \`${code}\``)
  })
})

describe('ProxyError', () => {
  it('takes from its code what it is not told', () => {
    const cause = new Error('x')
    const error = new UpstreamError('ERR_SLUICE_CONNECT_REFUSED', { cause, target: 'http://a.test' })
    expect(error).toMatchObject({
      name: 'UpstreamError',
      message: ERROR_CODES.ERR_SLUICE_CONNECT_REFUSED.title,
      code: 'ERR_SLUICE_CONNECT_REFUSED',
      status: 502,
      source: 'upstream',
      stage: 'connect',
      retry: 'safe',
      target: 'http://a.test',
      cause,
    })
    const told = new DownstreamError('ERR_SLUICE_BAD_REQUEST', {
      message: 'm',
      status: 422,
      stage: 'accept',
      retry: 'safe',
    })
    expect(told).toMatchObject({ message: 'm', status: 422, stage: 'accept', retry: 'safe', target: undefined })
    expect('cause' in told).toBe(false)
  })

  it.each([42, 200, 399, 600, 502.5, Number.NaN])(
    'refuses the status %s, with which nothing could be answered',
    (status) => {
      expect(() => new UpstreamError('ERR_SLUICE_DNS_FAILED', { status })).toThrow(RangeError)
    },
  )

  it('is told from other errors, also where another copy of the package has made it', () => {
    for (const error of [
      new DownstreamError('ERR_SLUICE_BAD_HOST'),
      new UpstreamError('ERR_SLUICE_DNS_FAILED'),
      new InternalError('ERR_SLUICE_INTERNAL'),
      new ConfigError('a.b', 'is wrong'),
    ]) {
      expect(error).toBeInstanceOf(ProxyError)
      expect(ProxyError.is(error)).toBe(true)
      expect(JSON.stringify(Object.keys(error))).not.toContain('Symbol')
    }
    const copy = Object.defineProperty(new Error('x'), Symbol.for('sluice.ProxyError'), { value: true })
    expect(ProxyError.is(copy)).toBe(true)
    for (const other of [new Error('x'), undefined, null, 'ERR_SLUICE_INTERNAL', { code: 'ERR_SLUICE_INTERNAL' }]) {
      expect(ProxyError.is(other)).toBe(false)
    }
  })
})

describe('ConfigError', () => {
  it('says where the option stands', () => {
    const error = new ConfigError('upstreams.users.targets[1].weight', 'must be a number')
    expect(error).toMatchObject({
      path: 'upstreams.users.targets[1].weight',
      message: 'upstreams.users.targets[1].weight: must be a number',
      code: 'ERR_SLUICE_CONFIG',
      name: 'ConfigError',
    })
  })
})

describe('problemReply', () => {
  it.each(CODES)('tells %s to the client, and nothing of where it happened', async (code) => {
    const error = new UpstreamError(code as 'ERR_SLUICE_DNS_FAILED', {
      message: 'connect ECONNREFUSED 10.1.2.3:8080',
      cause: new Error('secret.internal'),
      target: 'http://secret.internal:8080',
    }) as AnyProxyError
    const reply = problemReply(error, 'edge')
    const { status, title, proxyStatus } = ERROR_CODES[code]
    expect(reply.status).toBe(status)
    expect(reply.error).toBe(error)
    expect(reply.headers.get('content-type')).toBe('application/problem+json')
    expect(reply.headers.get('proxy-status')).toBe(`edge; error=${proxyStatus}`)
    expect(reply.headers.get('cache-control')).toBe('no-store')
    expect(await reply.body.json()).toEqual({
      type: 'about:blank',
      title: expect.any(String),
      status,
      detail: title,
      code,
    })
    const whole = JSON.stringify(reply.headers) + (await reply.body.text())
    expect(whole).not.toMatch(/secret|internal:|10\.1\.2\.3|ECONN|8080|\bat /)
  })

  it('says which methods there are where one is refused (RFC 9110, section 15.5.6)', () => {
    expect(problemReply(new DownstreamError('ERR_SLUICE_METHOD_REFUSED'), 'x').headers.get('allow')).toContain('GET')
    expect(problemReply(new DownstreamError('ERR_SLUICE_BAD_HOST'), 'x').headers.has('allow')).toBe(false)
  })

  it('copes with a code that a newer copy of the package has given', async () => {
    const newer = Object.assign(new InternalError('ERR_SLUICE_INTERNAL'), { code: 'ERR_SLUICE_FROM_THE_FUTURE' })
    const reply = problemReply(newer, 'x')
    expect(await reply.body.json()).toMatchObject({ status: 500, code: 'ERR_SLUICE_FROM_THE_FUTURE' })
  })
})
