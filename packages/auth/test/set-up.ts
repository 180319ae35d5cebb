/** A gateway in process and in virtual time, with the middlewares under test in front of a fake upstream. */
import { createProxy, createUpstream, type EventChannel, type Middleware, type ProxyOptions } from '@sluice/core'
import { fakeUpstream, type UpstreamHandler, virtualClock, type VirtualClockOptions } from '@sluice/testing'
import { onTestFinished } from 'vitest'

/** What a gateway trusts, and when it is. */
export interface SetUpOptions extends VirtualClockOptions {
  readonly trust?: readonly string[]
  /** @default `trust` */
  readonly forwarded?: ProxyOptions['forwarded']
  /** The upstream. @default one whose body is `fine` */
  readonly handler?: UpstreamHandler
}

export function setUp(use: readonly Middleware[], options: SetUpOptions = {}) {
  const clock = virtualClock(options)
  const fake = fakeUpstream(options.handler ?? (() => ({ body: 'fine' })), { clock })
  const errors: unknown[] = []
  const upstream = createUpstream('users', { targets: ['http://a.test'], transport: fake.transport, clock })
  const proxy = createProxy({
    clock,
    forwarded: options.forwarded ?? { trust: options.trust ?? [] },
    onError: (error) => errors.push(error),
  })
  for (const middleware of use) proxy.use(middleware)
  proxy.forward(upstream)
  return {
    clock,
    fake,
    proxy,
    /** What was thrown that should not have been. */
    errors,
    inject: proxy.inject.bind(proxy),
    /** The status of a request with these fields. */
    status: async (headers: Readonly<Record<string, string | readonly string[]>> = {}, path = '/') =>
      (await proxy.inject({ headers, path })).status,
    statusOf: async (path: string, method = 'GET') => (await proxy.inject({ path, method })).status,
    /** The status that a client with this address gets. */
    from: async (address: string, headers: Record<string, string> = {}) =>
      (await proxy.inject({ peer: { address }, headers })).status,
    /** What the upstream has got last. */
    last: () => fake.requests.at(-1)!,
  }
}

/** What is published on a channel while the test runs. */
export function record<T>(channel: EventChannel<T>): T[] {
  const messages: T[] = []
  const listener = (message: T) => void messages.push(message)
  channel.subscribe(listener)
  onTestFinished(() => channel.unsubscribe(listener))
  return messages
}

/** The field of Basic. */
export function basicField(user: string, password: string): { readonly Authorization: string } {
  return { Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` }
}
