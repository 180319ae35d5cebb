import { HeaderList, type HeaderListInit } from '@sluice/wire'
import { describe, expect, it } from 'vitest'
import { createProxy } from '../../src/proxy.ts'
import { Reply } from '../../src/reply.ts'
import { acceptsKey, acceptValue } from '../../src/tunnel/websocket-handshake.ts'

const KEY = 'dGhlIHNhbXBsZSBub25jZQ=='
const HANDSHAKE = {
  Connection: 'keep-alive, Upgrade',
  Upgrade: 'WebSocket',
  'Sec-WebSocket-Version': '13',
  'Sec-WebSocket-Key': KEY,
}

async function answered(headers: HeaderListInit, method = 'GET', httpVersion: '1.0' | '1.1' = '1.1') {
  const proxy = createProxy().handle(({ request }) => Reply.text(request.upgrade ?? 'ordinary'))
  const reply = await proxy.inject({ method, headers: [['Host', 'a'], ...new HeaderList(headers)], httpVersion })
  const text = await reply.text()
  return { status: reply.status, headers: reply.headers, text }
}

function without(name: keyof typeof HANDSHAKE): Record<string, string> {
  return Object.fromEntries(Object.entries(HANDSHAKE).filter(([each]) => each !== name))
}

describe('a handshake', () => {
  it('that is whole goes on', async () => {
    expect(await answered(HANDSHAKE)).toMatchObject({ status: 200, text: 'websocket' })
  })

  it.each([
    ['no version', without('Sec-WebSocket-Version')],
    ['no key', without('Sec-WebSocket-Key')],
    ['a key of 15 bytes', { ...HANDSHAKE, 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25j' }],
    ['a key that is no base64', { ...HANDSHAKE, 'Sec-WebSocket-Key': '*GhlIHNhbXBsZSBub25jZQ==' }],
    ['a key with bits too many', { ...HANDSHAKE, 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZR==' }],
    ['two keys', [...Object.entries(HANDSHAKE), ['Sec-WebSocket-Key', KEY] as const]],
    ['two versions', [...Object.entries(HANDSHAKE), ['Sec-WebSocket-Version', '13'] as const]],
    ['content', { ...HANDSHAKE, 'Content-Length': '5' }],
    ['chunked content', { ...HANDSHAKE, 'Transfer-Encoding': 'chunked' }],
  ] as [string, HeaderListInit][])('with %s gets 400', async (_, headers) => {
    const { status, text } = await answered(headers)
    expect([status, JSON.parse(text).code]).toEqual([400, 'ERR_SLUICE_WEBSOCKET_HANDSHAKE'])
  })

  it('by another method than GET gets 400', async () => {
    expect(await answered(HANDSHAKE, 'POST')).toMatchObject({ status: 400 })
  })

  it('of another version gets 426, which says the one that is spoken', async () => {
    const { status, headers } = await answered({ ...HANDSHAKE, 'Sec-WebSocket-Version': '8' })
    expect([status, headers.get('sec-websocket-version'), headers.get('upgrade')]).toEqual([426, '13', 'websocket'])
  })

  it.each([
    ['no Connection', without('Connection'), '1.1'],
    ['HTTP/1.0', HANDSHAKE, '1.0'],
  ] as const)('with %s is none, but an ordinary request', async (_, headers, version) => {
    expect(await answered(headers, 'GET', version)).toMatchObject({ status: 200, text: 'ordinary' })
  })

  it('of another protocol is not looked at', async () => {
    expect(await answered({ Connection: 'Upgrade', Upgrade: 'Foo/2' })).toMatchObject({ status: 200, text: 'foo/2' })
  })

  it('that no route wants is for no route, whatever is wrong with it', async () => {
    const proxy = createProxy().route({ path: '/other' }, (route) => route.handle(() => Reply.text('other')))
    expect((await proxy.inject({ headers: { ...HANDSHAKE, 'Sec-WebSocket-Key': 'x' } })).status).toBe(404)
  })
})

describe('Sec-WebSocket-Accept', () => {
  it('is what RFC 6455, section 1.3, says', () => {
    expect(acceptValue(KEY)).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
  })

  it('fits one key, and is there once', () => {
    const accept = { 'Sec-WebSocket-Accept': acceptValue(KEY) }
    expect(acceptsKey(new HeaderList(accept), KEY)).toBe(true)
    expect(acceptsKey(new HeaderList(accept), 'AAAAAAAAAAAAAAAAAAAAAA==')).toBe(false)
    expect(acceptsKey(new HeaderList(), KEY)).toBe(false)
    expect(acceptsKey(new HeaderList([...Object.entries(accept), ...Object.entries(accept)]), KEY)).toBe(false)
  })
})
