import { fakeUpstream } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { createProxy, createUpstream, type InjectedRequest } from '../../src/index.ts'

function setUp() {
  const fake = fakeUpstream()
  const proxy = createProxy().forward(
    createUpstream('users', { targets: ['http://users.test'], transport: fake.transport }),
  )
  return { fake, inject: async (request: InjectedRequest) => await proxy.inject(request) }
}

describe('Max-Forwards', () => {
  it.each(['OPTIONS', 'TRACE'])('counts down for %s', async (method) => {
    const { fake, inject } = setUp()
    expect((await inject({ method, headers: { 'Max-Forwards': '5' } })).status).toBe(200)
    expect(fake.requests[0]!.header('max-forwards')).toBe('4')
  })

  it('at 0 ends here', async () => {
    const { fake, inject } = setUp()
    const options = await inject({ method: 'OPTIONS', headers: { 'Max-Forwards': '0' } })
    expect([options.status, await options.text()]).toEqual([204, ''])
    const trace = await inject({
      method: 'TRACE',
      path: '/x?y',
      headers: [
        ['Host', 'a.test'],
        ['Max-Forwards', '0'],
        ['X-Own', '1'],
        ['Cookie', 'secret'],
        ['AUTHORIZATION', 'secret'],
      ],
    })
    expect(trace.headers.get('content-type')).toBe('message/http')
    expect(await trace.text()).toBe('TRACE /x?y HTTP/1.1\r\nHost: a.test\r\nMax-Forwards: 0\r\nX-Own: 1\r\n\r\n')
    expect(fake.requests).toEqual([])
  })

  it.each(['-1', 'x', '1.5', '', '1, 1', '9999999999'])('of %j is refused', async (value) => {
    const { fake, inject } = setUp()
    expect((await inject({ method: 'OPTIONS', headers: { 'Max-Forwards': value } })).status).toBe(400)
    expect(fake.requests).toEqual([])
  })

  it('means nothing to other methods, and OPTIONS * ends here without it', async () => {
    const { fake, inject } = setUp()
    await inject({ headers: { 'Max-Forwards': '0' } })
    expect(fake.requests[0]!.header('max-forwards')).toBe('0')
    expect((await inject({ method: 'OPTIONS', path: '*' })).status).toBe(204)
    expect(fake.requests).toHaveLength(1)
  })
})
