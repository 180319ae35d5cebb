/** A gateway in process and in virtual time, with guards in front of a fake upstream. */
import { createProxy, createUpstream, type EventChannel, type Middleware, type ProxyOptions } from '@sluice/core'
import { fakeUpstream, type UpstreamHandler, virtualClock, type VirtualClockOptions } from '@sluice/testing'
import { onTestFinished } from 'vitest'

export interface SetUpOptions {
  readonly forwarded?: ProxyOptions['forwarded']
  readonly clock?: VirtualClockOptions
  readonly handler?: UpstreamHandler
}

export function setUp(guards: readonly Middleware[], options: SetUpOptions = {}) {
  const clock = virtualClock(options.clock)
  const fake = fakeUpstream(options.handler ?? (() => ({ body: 'fine' })), { clock })
  const upstream = createUpstream('upstream', { targets: ['http://a.test'], transport: fake.transport, clock })
  const errors: unknown[] = []
  const { forwarded = {} } = options
  const proxy = createProxy({ clock, forwarded, onError: (error) => errors.push(error) })
  for (const guard of guards) proxy.use(guard)
  proxy.forward(upstream)
  return {
    clock,
    fake,
    proxy,
    /** What was thrown that should not have been. */
    errors,
    inject: proxy.inject.bind(proxy),
    statusOf: async (path: string, method = 'GET') => (await proxy.inject({ path, method })).status,
    /** The status that a client with this address gets. */
    from: async (address: string, headers: Record<string, string> = {}) =>
      (await proxy.inject({ peer: { address }, headers })).status,
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
