import { Body, HeaderList } from '@sluice/wire'
import { describe, expect, it } from 'vitest'
import { Reply } from '../src/index.ts'
import { frameReply } from '../src/reply-framing.ts'

describe('Reply', () => {
  it.each([100, 199, 103, 600, 0, -1, 200.5, Number.NaN])('refuses the status %s', (status) => {
    expect(() => new Reply(status)).toThrow(RangeError)
  })

  it('has text and JSON, with a content type that can be told otherwise', async () => {
    const text = Reply.text('Zoë', { status: 201, headers: { 'X-A': '1' } })
    expect([text.status, text.headers.toJSON(), await text.body.text()]).toEqual([
      201,
      { 'x-a': '1', 'content-type': 'text/plain; charset=utf-8' },
      'Zoë',
    ])
    const json = Reply.json({ a: 1 }, { headers: { 'content-type': 'application/x+json' } })
    expect(json.headers.getAll('content-type')).toEqual(['application/x+json'])
    expect(await json.body.json()).toEqual({ a: 1 })
    expect(Reply.empty(204, { 'X-A': '1' }).body.isEmpty).toBe(true)
    expect(new Reply(101).status).toBe(101)
  })
})

describe('frameReply', () => {
  const flowing = (onCancel?: () => void): Body => Body.from({ start() {}, resume() {}, cancel: () => onCancel?.() })
  function framed(method: string, status: number, headers: Record<string, string>, body: Body) {
    const reply = new Reply(status, new HeaderList(headers), body)
    frameReply(reply, method)
    return {
      length: reply.headers.get('content-length'),
      chunked: reply.headers.has('transfer-encoding'),
      body: reply.body,
    }
  }

  it('states the length of a body where it is known, and no other', () => {
    expect(framed('GET', 200, { 'Content-Length': '999' }, Body.of('four'))).toMatchObject({ length: '4' })
    expect(framed('GET', 200, {}, Body.empty)).toMatchObject({ length: '0' })
    expect(framed('GET', 200, { 'Content-Length': '999', 'Transfer-Encoding': 'chunked' }, flowing())).toMatchObject({
      length: undefined,
      chunked: false,
    })
  })

  it('keeps the length that a reply to HEAD or a 304 states, and drops a body it has', () => {
    let cancelled = 0
    const body = () => flowing(() => cancelled++)
    expect(framed('HEAD', 200, { 'Content-Length': '5' }, Body.empty)).toMatchObject({ length: '5' })
    expect(framed('HEAD', 200, {}, Body.of('four'))).toMatchObject({ length: '4', body: Body.empty })
    expect(framed('HEAD', 200, { 'Content-Length': '5' }, body())).toMatchObject({ length: '5', body: Body.empty })
    expect(framed('GET', 304, { 'Content-Length': '5' }, body())).toMatchObject({ length: '5', body: Body.empty })
    expect(cancelled).toBe(2)
  })

  it('leaves no length on 204 and 101', () => {
    expect(framed('GET', 204, { 'Content-Length': '5' }, Body.of('x'))).toMatchObject({
      length: undefined,
      body: Body.empty,
    })
    expect(framed('GET', 101, { 'Content-Length': '5' }, Body.empty)).toMatchObject({ length: undefined })
  })
})
