/** What a client of gRPC gets where nobody has answered in gRPC; without a socket. */
import { Body, type BodySink, HeaderList } from '@sluice/wire'
import { describe, expect, it } from 'vitest'
import {
  type AnyProxyError,
  createProxy,
  DownstreamError,
  ERROR_CODES,
  type Exchange,
  type InjectedReply,
  InternalError,
  type ProxyErrorCode,
  Reply,
  UpstreamError,
} from '../../src/index.ts'

async function answered(
  handle: (exchange: Exchange) => Reply,
  contentType = 'application/grpc',
): Promise<InjectedReply> {
  const headers = { 'Content-Type': contentType, TE: 'trailers' }
  return await createProxy()
    .handle(handle)
    .inject({ method: 'POST', path: '/a.B/C', headers, body: 'x', httpVersion: '2.0' })
}

async function failedWith(error: AnyProxyError): Promise<string | undefined> {
  const reply = await answered(() => {
    throw error
  })
  expect([reply.status, reply.headers.get('content-type'), await reply.text()]).toEqual([200, 'application/grpc', ''])
  return reply.headers.get('grpc-status')
}

describe('an error', () => {
  it.each<[ProxyErrorCode, AnyProxyError, number]>([
    ['ERR_SLUICE_BAD_REQUEST', new DownstreamError('ERR_SLUICE_BAD_REQUEST'), 13],
    ['ERR_SLUICE_METHOD_REFUSED', new DownstreamError('ERR_SLUICE_METHOD_REFUSED'), 12],
    ['ERR_SLUICE_REQUEST_TIMEOUT', new DownstreamError('ERR_SLUICE_REQUEST_TIMEOUT'), 4],
    ['ERR_SLUICE_BODY_TOO_LARGE', new DownstreamError('ERR_SLUICE_BODY_TOO_LARGE'), 8],
    ['ERR_SLUICE_HEADERS_TOO_LARGE', new DownstreamError('ERR_SLUICE_HEADERS_TOO_LARGE'), 8],
    ['ERR_SLUICE_CLIENT_ABORT', new DownstreamError('ERR_SLUICE_CLIENT_ABORT'), 1],
    ['ERR_SLUICE_NO_ROUTE', new DownstreamError('ERR_SLUICE_NO_ROUTE'), 12],
    ['ERR_SLUICE_CONNECT_REFUSED', new UpstreamError('ERR_SLUICE_CONNECT_REFUSED'), 14],
    ['ERR_SLUICE_CONNECT_TIMEOUT', new UpstreamError('ERR_SLUICE_CONNECT_TIMEOUT'), 14],
    ['ERR_SLUICE_HEAD_TIMEOUT', new UpstreamError('ERR_SLUICE_HEAD_TIMEOUT'), 4],
    ['ERR_SLUICE_TOTAL_TIMEOUT', new UpstreamError('ERR_SLUICE_TOTAL_TIMEOUT'), 4],
    ['ERR_SLUICE_STREAM_REFUSED', new UpstreamError('ERR_SLUICE_STREAM_REFUSED'), 14],
    ['ERR_SLUICE_RESPONSE_INVALID', new UpstreamError('ERR_SLUICE_RESPONSE_INVALID'), 13],
    ['ERR_SLUICE_QUEUE_FULL', new UpstreamError('ERR_SLUICE_QUEUE_FULL'), 14],
    ['ERR_SLUICE_NO_TARGET', new InternalError('ERR_SLUICE_NO_TARGET'), 14],
    ['ERR_SLUICE_LOAD_SHED', new InternalError('ERR_SLUICE_LOAD_SHED'), 14],
    ['ERR_SLUICE_DEADLINE_EXCEEDED', new InternalError('ERR_SLUICE_DEADLINE_EXCEEDED'), 4],
    ['ERR_SLUICE_INTERNAL', new InternalError('ERR_SLUICE_INTERNAL'), 13],
  ])('%s', async (_code, error, status) => {
    expect(await failedWith(error)).toBe(String(status))
  })

  it('is told in the words of its code, and of nothing else', async () => {
    const reply = await answered(() => {
      throw new UpstreamError('ERR_SLUICE_HEAD_TIMEOUT', {
        message: 'http://10.0.0.7 said nothing',
        target: '10.0.0.7',
      })
    })
    expect(reply.headers.get('grpc-message')).toBe('The upstream did not answer in time. (ERR_SLUICE_HEAD_TIMEOUT)')
    expect(JSON.stringify(reply.headers)).not.toContain('10.0.0.7')
  })

  it('whatever it is, there is a status for it', async () => {
    for (const { status } of Object.values(ERROR_CODES)) {
      const reply = await answered(() => Reply.empty(status))
      expect(Number(reply.headers.get('grpc-status'))).toBeGreaterThan(0)
    }
  })
})

describe('a reply', () => {
  it('loses its body, and the fields that speak of it', async () => {
    let isCancelled = false
    const reply = await answered(() => {
      const source = { start() {}, resume() {}, cancel: () => void (isCancelled = true) }
      const headers = { 'Content-Type': 'text/html', 'Content-Encoding': 'br', ETag: '"1"', 'Set-Cookie': 'a=1' }
      return new Reply(403, new HeaderList(headers), Body.from(source))
    })
    expect(isCancelled).toBe(true)
    expect(reply.headers.toJSON()).toEqual({
      'content-type': 'application/grpc',
      'content-length': '0',
      'set-cookie': 'a=1',
      'grpc-status': '7',
      'grpc-message': 'Forbidden',
    })
  })

  it('has its words in `grpc-message`, as UTF-8 in escapes', async () => {
    const reply = await answered(() => Reply.text('100 % ☕\n~', { status: 429 }))
    expect(reply.headers.get('grpc-message')).toBe('100 %25 %E2%98%95%0A~')
  })

  it('that is one of gRPC’s, or not an error, stays as it is', async () => {
    const own = await answered(() => {
      const headers = { 'Content-Type': 'application/grpc+proto', 'grpc-status': '5', 'grpc-message': 'none' }
      return new Reply(200, new HeaderList(headers))
    })
    expect([own.headers.get('grpc-status'), own.headers.get('content-type')]).toEqual(['5', 'application/grpc+proto'])
    const page = await answered(() => Reply.text('hello'))
    expect([page.headers.has('grpc-status'), await page.text()]).toEqual([false, 'hello'])
  })

  it('to another kind of request stays what it is', async () => {
    for (const type of ['application/json', 'application/grpc-web+proto', 'application/grpcs', 'text/plain']) {
      const reply = await answered(() => Reply.text('no', { status: 403 }), type)
      expect([reply.status, await reply.text()]).toEqual([403, 'no'])
    }
    for (const type of ['application/grpc+json', 'application/grpc;x=y'])
      expect((await answered(() => Reply.text('no', { status: 403 }), type)).status).toBe(200)
  })
})

describe('a body of gRPC', () => {
  async function bodyThat(flows: (sink: BodySink) => void): Promise<InjectedReply> {
    const reply = await answered(() => {
      const source = { start: (sink: BodySink) => flows(sink), resume() {}, cancel() {} }
      return new Reply(200, new HeaderList({ 'Content-Type': 'application/grpc' }), Body.from(source))
    })
    expect(await reply.text()).toBe('part')
    return reply
  }

  it('that breaks off ends with a status', async () => {
    const { trailers } = await bodyThat((sink) => {
      sink.write(Buffer.from('part'))
      sink.abort(new UpstreamError('ERR_SLUICE_RESPONSE_TRUNCATED', { target: '10.0.0.7' }))
    })
    expect(trailers?.toJSON()).toEqual({
      'grpc-status': '14',
      'grpc-message': 'The upstream broke off its response. (ERR_SLUICE_RESPONSE_TRUNCATED)',
    })
  })

  it('that ends keeps its own', async () => {
    const { trailers } = await bodyThat((sink) => {
      sink.write(Buffer.from('part'))
      sink.end(new HeaderList({ 'grpc-status': '0' }))
    })
    expect(trailers?.toJSON()).toEqual({ 'grpc-status': '0' })
  })
})
