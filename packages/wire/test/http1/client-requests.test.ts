import { waitFor } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { Body } from '../../src/index.ts'
import { EagerSource, ManualSource, RecordingSink } from '../recording.ts'
import { Call, OK, pool, target } from './pooled.ts'

describe('a request', () => {
  it('leaves as one message, its chunks and trailers as they were', async () => {
    const peer = await target()
    const { pool: one } = pool(peer.port)
    const call = new Call(one, { method: 'PUT', path: '/x?y', body: Body.from(new EagerSource(['abc', 'de'])) })
    await waitFor(() => peer.received[0]?.endsWith('0\r\n\r\n') === true)
    peer.reply(0, OK)
    await waitFor(() => call.isOver)
    expect(peer.received[0]).toBe(
      'PUT /x?y HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n',
    )
    expect(one.stats.idle).toBe(1)
  })

  it('that is answered before it is sent gets its reply, and its connection goes', async () => {
    const peer = await target((socket) => socket.write('HTTP/1.1 413 Large\r\nContent-Length: 2\r\n\r\nno'))
    const { pool: one } = pool(peer.port)
    const source = new ManualSource()
    const call = new Call(one, { method: 'POST', body: Body.from(source, 100) })
    await waitFor(() => call.isOver)
    expect([call.status, call.text, call.error]).toEqual([413, 'no', undefined])
    await waitFor(() => one.stats.closed['not-reusable'] === 1)
    expect(source.cancelledWith).toBeInstanceOf(Error)
  })

  it.each<readonly [string, (source: ManualSource) => void]>([
    ['longer than was announced', (source) => void source.write('abcdGET /hidden HTTP/1.1\r\n\r\n')],
    ['shorter than was announced', (source) => (source.write('ab'), source.sink!.end())],
  ])('whose body is %s is broken off, and nothing of the next is sent', async (_name, act) => {
    const peer = await target()
    const { pool: one } = pool(peer.port)
    const source = new ManualSource()
    const call = new Call(one, { method: 'POST', body: Body.from(source, 4) })
    await waitFor(() => source.sink !== undefined)
    act(source)
    expect([call.failure, call.dones]).toEqual(['internal', 1])
    await waitFor(() => one.stats.active === 0)
    expect(peer.received.join('')).not.toContain('hidden')
  })

  it.each<readonly [string, (source: ManualSource, call: Call, error: Error) => void]>([
    ['whose body breaks off', (source, _call, error) => source.sink!.abort(error)],
    ['that is given up', (_source, call, error) => call.outgoing!.breakOff(error)],
  ])('%s is broken off, and the reader of its reply is told', async (_name, act) => {
    const peer = await target((socket) => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'))
    const { pool: one } = pool(peer.port)
    const source = new ManualSource()
    const call = new Call(one, { method: 'POST', body: Body.from(source), reads: false })
    await waitFor(() => call.body !== undefined)
    const sink = new RecordingSink()
    call.body!.pipe(sink)
    await waitFor(() => sink.text === 'half')
    const error = new Error('the client left')
    act(source, call, error)
    expect([sink.state, call.error, call.dones]).toEqual([error, error, 1])
    await waitFor(() => one.stats.closed.cancelled === 1)
  })

  it('whose body was read before fails, and its connection with it', async () => {
    const peer = await target()
    const { pool: one } = pool(peer.port)
    const body = Body.from(new ManualSource())
    body.pipe(new RecordingSink())
    const call = new Call(one, { method: 'POST', body })
    await waitFor(() => call.isOver)
    expect([call.failure, peer.received.join('')]).toEqual(['internal', ''])
  })

  it('whose reader throws fails, and blames nobody else', async () => {
    const peer = await target((socket) => socket.write(OK))
    const { pool: one } = pool(peer.port)
    const call = new Call(one, { reads: false })
    call.reply = (_status, _headers, body) => {
      const sink = new RecordingSink()
      sink.write = () => {
        throw new TypeError('boom')
      }
      body.pipe(sink)
    }
    await waitFor(() => call.dones === 1)
    expect([call.failure, call.cause]).toEqual(['internal', new TypeError('boom')])
  })
})
