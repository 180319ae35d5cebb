/** A gateway in process and in virtual time, with the middlewares under test in front of a fake upstream. */
import { createProxy, createUpstream, type EventChannel, type Middleware } from '@sluice/core'
import { fakeUpstream, type UpstreamHandler, virtualClock } from '@sluice/testing'
import { onTestFinished } from 'vitest'
import type { PolicyOptions } from '../src/index.ts'
import { resolvePolicy } from '../src/policy/policy.ts'

export function setUp(use: readonly Middleware[], handler?: UpstreamHandler, trust: readonly string[] = []) {
  const clock = virtualClock()
  const fake = fakeUpstream(handler ?? (() => ({ body: 'fine' })), { clock })
  const errors: unknown[] = []
  const users = createUpstream('users', { targets: ['http://a.test'], transport: fake.transport, clock })
  const proxy = createProxy({ clock, forwarded: { trust }, onError: (error) => errors.push(error) })
  for (const middleware of use) proxy.use(middleware)
  proxy.forward(users)
  return {
    clock,
    fake,
    proxy,
    /** What was thrown that should not have been. */
    errors,
    inject: proxy.inject.bind(proxy),
    /** A request of a client with this address. */
    from: async (address: string) => await proxy.inject({ peer: { address } }),
    /** Statuses of so many requests, one after the other. */
    statuses: async (count: number, address = '192.0.2.1') => {
      const statuses: number[] = []
      for (let i = 0; i < count; i++) statuses.push((await proxy.inject({ peer: { address } })).status)
      return statuses
    },
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

/** A policy with a name, as stores get it. */
export function policyOf(options: PolicyOptions) {
  return resolvePolicy({ name: 'test', ...options }, 'test', true)
}
