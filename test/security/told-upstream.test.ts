/** What an upstream is told of who is asking, over sockets: by the gateway alone, however a client writes the same names, and wherever. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { apiKey, apiKeyDigest, passIdentity } from '@sluice/auth'
import { createProxy, createUpstream, nodeListener, undiciTransport, wireListener, wireTransport } from '@sluice/core'
import { rawClient } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Way } from './guarded-proxy.ts'

const KEY = 'k'.repeat(32)
const WAYS: readonly Way[] = [
  { name: 'the own engine', isOwn: true, listener: wireListener, transport: wireTransport },
  { name: 'http.Server and undici', isOwn: false, listener: nodeListener, transport: undiciTransport },
]
const FORGED = [
  'X-User: root',
  'x-USER: root',
  'X_User: root',
  'X_USER: root',
  'X.User: root',
  'X!User: root',
  'X-User:',
  'X-Roles: admin',
  'X_Roles: admin',
]

/** What the gateway says itself, or nobody. */
const VOUCHING = [
  'X-Forwarded-For',
  'X_Forwarded_For',
  'X-Real-IP',
  'Client-Cert',
  'Client_Cert',
  'Authorization',
  'Host',
]

describe.each(WAYS)('over $name', (way) => {
  async function gateway() {
    const told: string[][] = []
    const target = createServer((request, response) => {
      request.on('end', () => {
        told.push([...request.rawHeaders, ...request.rawTrailers])
        response.end('fine')
      })
      request.resume()
    })
    target.on('upgrade', ({ rawHeaders }, socket) => {
      told.push(rawHeaders)
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
    })
    await new Promise<void>((resolve) => target.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void target.close())
    const proxy = createProxy()
      .use(apiKey({ keys: [{ sha256: apiKeyDigest(KEY), subject: 'shop', roles: ['machine'] }] }))
      .use(passIdentity({ headers: { 'X-User': 'subject', 'X-Roles': 'roles' } }))
    const url = `http://127.0.0.1:${(target.address() as AddressInfo).port}`
    proxy.forward(createUpstream('target', { targets: [url], transport: way.transport() }))
    onTestFinished(async () => await proxy.close({ drainMs: 0 }))
    const { address } = await proxy.listen({ listener: way.listener(), host: '127.0.0.1' })
    return async (head: readonly string[], body = '') => {
      const client = await rawClient({ port: address.port })
      onTestFinished(() => client.destroy())
      client.write(`${head.join('\r\n')}\r\nHost: a.test\r\n\r\n${body}`)
      const { status } = await client.readResponse({ timeoutMs: 5_000 })
      return { status, told: told.at(-1) }
    }
  }

  /** All that could be taken for one of the two, in order. */
  const own = (fields: readonly string[] = []) =>
    fields.flatMap((name, i) => (i % 2 === 0 && /^x.(?:user|roles)$/i.test(name) ? `${name}: ${fields[i + 1]}` : []))
  const TOLD = ['X-User: shop', 'X-Roles: machine']

  it('it is the gateway’s word, in the place of all that the client has written', async () => {
    const ask = await gateway()
    const { status, told } = await ask(['GET / HTTP/1.1', `X-API-Key: ${KEY}`, ...FORGED])
    expect([status, own(told)]).toEqual([200, TOLD])
    expect(JSON.stringify(told)).not.toContain(KEY)
  })

  it('which no option of the connection can take away', async () => {
    const ask = await gateway()
    const connection = 'Connection: close, X-User, X-Roles'
    const { status, told } = await ask(['GET / HTTP/1.1', `X-API-Key: ${KEY}`, connection, ...FORGED])
    expect([status, own(told)]).toEqual([200, TOLD])
  })

  it('nor can anything behind the body be added to it', async () => {
    const ask = await gateway()
    const head = ['POST / HTTP/1.1', `X-API-Key: ${KEY}`, 'Transfer-Encoding: chunked', 'Trailer: X-User']
    const trailers = ['X-Sum: 1', ...FORGED, ...VOUCHING.map((name) => `${name}: forged`)].join('\r\n')
    const { status, told } = await ask(head, `3\r\nabc\r\n0\r\n${trailers}\r\n\r\n`)
    expect([status, own(told), told!.includes('forged')]).toEqual([200, TOLD, false])
    // undici sends none at all.
    expect(told!.includes('X-Sum')).toBe(way.isOwn)
  })

  it('and it is the same where the client wants another protocol', async () => {
    const ask = await gateway()
    const { status, told } = await ask([
      'GET / HTTP/1.1',
      `X-API-Key: ${KEY}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      ...FORGED,
    ])
    expect([status, own(told)]).toEqual([403, TOLD])
    expect(JSON.stringify(told)).not.toContain(KEY)
  })
})
