/** Which address a rule sees, and what the lists do with it. */
import { createProxy, Reply } from '@sluice/core'
import { rawClient } from '@sluice/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { accessRefused, allowAddresses, cidrList, denyAddresses } from '../../src/access/access.ts'
import { record, setUp } from '../set-up.ts'

const OFFICE = ['192.0.2.0/24', '2001:db8:1::/48']

describe('allowAddresses', () => {
  it('lets in whose address is in the list, and nobody else', async () => {
    const { from, fake } = setUp([allowAddresses(OFFICE)])
    for (const address of ['192.0.2.1', '192.0.2.255', '2001:db8:1::1', '::ffff:192.0.2.1'])
      expect([address, await from(address)]).toEqual([address, 200])
    expect(fake.requests).toHaveLength(4)
    for (const address of ['192.0.3.1', '2001:db8:2::1', '::ffff:192.0.3.1', '::192.0.2.1', '', 'localhost'])
      expect([address, await from(address)]).toEqual([address, 403])
    expect(fake.requests).toHaveLength(4)
  })

  it('refuses with a problem document that says nothing of the rule', async () => {
    const { inject } = setUp([allowAddresses(OFFICE)])
    const reply = await inject({ peer: { address: '10.0.0.1' } })
    expect(reply.headers.toJSON()).toMatchObject({
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      'proxy-status': 'sluice; error=http_request_denied',
    })
    expect(await reply.json()).toEqual({
      type: 'about:blank',
      title: 'Forbidden',
      status: 403,
      detail: 'Access to this is not allowed.',
      code: 'access-refused',
    })
  })

  it('wants a list with something in it', () => {
    expect(() => allowAddresses([])).toThrow(expect.objectContaining({ path: 'allowAddresses.addresses' }))
    expect(() => cidrList([])).toThrow(expect.objectContaining({ path: 'cidrList' }))
    expect(() => allowAddresses('192.0.2.0/24' as never)).toThrow(
      expect.objectContaining({ path: 'allowAddresses.addresses' }),
    )
    expect(() => allowAddresses(['192.0.2.0/24', '192.0.2.0/240'])).toThrow(
      expect.objectContaining({ path: 'allowAddresses.addresses[1]', code: 'ERR_SLUICE_CONFIG' }),
    )
  })
})

describe('denyAddresses', () => {
  it('keeps out whose address is in the list, and nobody else', async () => {
    const guard = denyAddresses(OFFICE)
    const { from } = setUp([guard])
    expect([await from('192.0.2.1'), await from('::ffff:192.0.2.1'), await from('192.0.3.1')]).toEqual([403, 403, 200])
    expect(guard.snapshot()).toMatchObject({ allowed: 1, refused: 2, shadow: false })
    expect(guard.snapshot().rules.map(({ name, matched }) => [name, matched])).toEqual([
      ['addresses', 2],
      ['default', 1],
    ])
  })

  it('may have nothing in its list', async () => {
    expect(await setUp([denyAddresses([])]).from('192.0.2.1')).toBe(200)
  })

  it('only counts and tells as a shadow', async () => {
    const events = record(accessRefused)
    const guard = denyAddresses(OFFICE, { shadow: true, name: 'maybe' })
    const { from } = setUp([guard])
    expect([await from('192.0.2.1'), await from('192.0.3.1')]).toEqual([200, 200])
    expect(events.map(({ exchange, ...rest }) => [exchange.client.address, rest])).toEqual([
      ['192.0.2.1', { guard: 'maybe', rule: 'addresses', shadow: true }],
    ])
    expect(guard.snapshot()).toMatchObject({ allowed: 1, refused: 1, shadow: true })
  })

  it('shares a list with others, and leaves it open when it is closed', async () => {
    const list = cidrList(['192.0.2.1'])
    const [one, other] = [denyAddresses(list), denyAddresses(list)]
    const [first, second] = [setUp([one]), setUp([other])]
    one.close()
    list.replace(['192.0.2.2'])
    for (const { from } of [first, second])
      expect([await from('192.0.2.1'), await from('192.0.2.2')]).toEqual([200, 403])
  })
})

describe('the address that is decided on', () => {
  const denied = () => denyAddresses(['203.0.113.7'])

  it('is the socket’s, whatever a peer that is not trusted says', async () => {
    const { from, fake } = setUp([denied()])
    const forgeries = {
      'X-Forwarded-For': '198.51.100.1',
      Forwarded: 'for=198.51.100.1',
      'X-Real-IP': '198.51.100.1',
      X_Forwarded_For: '198.51.100.1',
    }
    expect(await from('203.0.113.7', forgeries)).toBe(403)
    // Nor does somebody else get into trouble by it.
    expect(await from('198.51.100.1', { 'X-Forwarded-For': '203.0.113.7' })).toBe(200)
    expect(fake.requests[0]?.header('x-forwarded-for')).toBe('198.51.100.1')
  })

  it('is the right-most one that is not trusted, whatever a client has written to the left of it', async () => {
    const { from } = setUp([denied()], { forwarded: { trust: ['10.0.0.0/8'] } })
    expect(await from('10.0.0.1', { 'X-Forwarded-For': '203.0.113.7' })).toBe(403)
    expect(await from('10.0.0.1', { 'X-Forwarded-For': '198.51.100.1, 203.0.113.7, 10.0.0.2' })).toBe(403)
    expect(await from('10.0.0.1', { 'X-Forwarded-For': '203.0.113.7, 198.51.100.1' })).toBe(200)
    expect(await from('10.0.0.1', { 'X-Forwarded-For': '203.0.113.7, 198.51.100.1, 10.0.0.2' })).toBe(200)
    expect(await from('10.0.0.1', { 'X-Forwarded-For': '::ffff:203.0.113.7, ::ffff:10.0.0.9' })).toBe(403)
    // An element that is no address ends the walk: the last proxy is what is left.
    expect(await from('10.0.0.1', { 'X-Forwarded-For': '203.0.113.7, unknown' })).toBe(200)
  })

  it('is that of RFC 7239 where that is what the trusted proxies write', async () => {
    const forwarded = { trust: ['10.0.0.0/8'], fields: 'forwarded' } as const
    const { from } = setUp([denyAddresses(['2001:db8::7'])], { forwarded })
    expect(await from('10.0.0.1', { Forwarded: 'for=198.51.100.1, for="[2001:db8::7]:4711"' })).toBe(403)
    expect(await from('10.0.0.1', { 'X-Forwarded-For': '2001:db8::7' })).toBe(200)
  })

  it('is the address that so many hops back was seen, where hops are counted', async () => {
    const { from } = setUp([denied()], { forwarded: { trustedHops: 2 } })
    expect(await from('10.0.0.1', { 'X-Forwarded-For': '203.0.113.7, 198.51.100.1' })).toBe(403)
    expect(await from('10.0.0.1', { 'X-Forwarded-For': '1.1.1.1, 203.0.113.7, 198.51.100.1' })).toBe(403)
    expect(await from('10.0.0.1', { 'X-Forwarded-For': '203.0.113.7, 1.1.1.1, 198.51.100.1' })).toBe(200)
  })

  it('is what the PROXY protocol’s header says, over a real socket', async () => {
    const guard = denied()
    const proxy = createProxy().use(guard)
    proxy.handle(({ client }) => Reply.text(client.address))
    onTestFinished(async () => await proxy.close({ drainMs: 0 }))
    const trusting = await proxy.listen({ host: '127.0.0.1', proxyProtocol: { trust: ['127.0.0.1'] } })
    const wary = await proxy.listen({ host: '127.0.0.1', proxyProtocol: { trust: ['10.0.0.1'] } })
    const ask = async (port: number, source: string) => {
      const client = await rawClient({ port })
      onTestFinished(() => client.destroy())
      client.write(
        `PROXY TCP4 ${source} 192.0.2.1 5555 443\r\nGET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n`,
      )
      return (await client.readResponse()).status
    }
    expect(await ask(trusting.address.port, '203.0.113.7')).toBe(403)
    expect(await ask(trusting.address.port, '203.0.113.8')).toBe(200)
    // From a peer that is not trusted the header is no HTTP: it is refused, not believed.
    expect(await ask(wary.address.port, '203.0.113.8')).toBe(400)
    expect(guard.snapshot()).toMatchObject({ allowed: 1, refused: 1 })
  })
})
