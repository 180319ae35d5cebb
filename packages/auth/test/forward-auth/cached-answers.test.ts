/** Whom a cached answer is given to: nobody for whom it could have been another one. */
import { createUpstream, type Exchange, type Middleware } from '@sluice/core'
import { type Answer, fakeUpstream, type RecordedRequest, virtualClock } from '@sluice/testing'
import { expect, it } from 'vitest'
import { forwardAuth, type ForwardAuthOptions } from '../../src/index.ts'
import { setUp } from '../set-up.ts'

function gateway(
  answer: (request: RecordedRequest) => Answer | Promise<Answer>,
  more: ForwardAuthOptions,
  before: readonly Middleware[] = [],
) {
  const clock = virtualClock()
  const service = fakeUpstream(answer, { clock })
  const upstream = createUpstream('auth', { targets: ['http://auth.test'], transport: service.transport, clock })
  return { ...setUp([...before, forwardAuth({ upstream, ...more })]), service }
}

/** Lets in whom a field of the request says. */
const where = (name: string, value: string) => (request: RecordedRequest) => ({
  status: request.header(name) === value ? 200 : 403,
})

it('is not given to other credentials, which the key does not name', async () => {
  const { status } = gateway(where('authorization', 'good'), { cacheKey: ['cookie'] })
  expect([await status({ Authorization: 'good' }), await status({ Authorization: 'bad' })]).toEqual([200, 403])
})

it('is not given for another host', async () => {
  const { status, service } = gateway(where('x-forwarded-host', 'public.example'), { cacheKey: ['cookie'] })
  expect([await status({ Host: 'public.example' }), await status({ Host: 'admin.example' })]).toEqual([200, 403])
  expect([await status({ Host: 'public.example' }), service.requests.length]).toEqual([200, 2])
})

it('is not given for another method', async () => {
  const { inject } = gateway(where('x-forwarded-method', 'GET'), { cacheKey: [] })
  expect([(await inject()).status, (await inject({ method: 'DELETE' })).status]).toEqual([200, 403])
})

it('is not given for another address, where the key names it', async () => {
  const { inject } = gateway(where('x-forwarded-for', '192.0.2.1'), { cacheKey: [':address'] })
  const from = async (address: string) => (await inject({ peer: { address } })).status
  expect([await from('192.0.2.1'), await from('192.0.2.2')]).toEqual([200, 403])
})

it('is not given for another path that was rewritten to the same', async () => {
  const shorten: Middleware = (x, next) => {
    x.request.target = '/orders'
    return next(x)
  }
  const { inject } = gateway(where('x-forwarded-uri', '/public/orders'), { cacheKey: [':path'] }, [shorten])
  const to = async (path: string) => (await inject({ path })).status
  expect([await to('/public/orders'), await to('/admin/orders')]).toEqual([200, 403])
})

it('is given to nobody by a key that is no text', async () => {
  const keys: unknown[] = [Promise.resolve('a'), {}, 7]
  for (const key of keys) {
    const { status, errors, service } = gateway(() => ({}), { cacheKey: (() => key) as (x: Exchange) => string })
    expect([await status(), errors.length, service.requests.length]).toEqual([503, 1, 0])
  }
})

it('is given to nobody else where it sets a cookie, neither later nor while they wait for the same', async () => {
  let logIns = 0
  const { inject } = gateway(
    () => ({ status: 302, headers: { Location: 'https://login.example/', 'Set-Cookie': `state=${++logIns}` } }),
    { cacheKey: [':path'] },
  )
  const together = await Promise.all([inject(), inject(), inject()])
  const cookies = [...together, await inject()].map(({ headers }) => headers.get('set-cookie'))
  expect(new Set(cookies)).toEqual(new Set(['state=1', 'state=2', 'state=3', 'state=4']))
})

it('goes to those who wait for it although the one who has asked has left', async () => {
  let answer!: (answer: Answer) => void
  const answered = new Promise<Answer>((resolve) => (answer = resolve))
  const { inject, service } = gateway(() => answered, { cacheKey: [':path'] })
  const leaver = new AbortController()
  const [first, second] = [inject({ signal: leaver.signal }), inject()]
  leaver.abort()
  answer({ status: 200 })
  expect([(await first).status >= 400, (await second).status, service.requests.length]).toEqual([true, 200, 1])
})
