/** A gateway in process and in virtual time, with the middlewares under test in front of a fake upstream. */
import {
  createProxy,
  createUpstream,
  type EventChannel,
  type Exchange,
  type ForwardOptions,
  type Middleware,
  type Random,
  type UpstreamOptions,
} from '@sluice/core'
import { fakeUpstream, type UpstreamHandler, virtualClock } from '@sluice/testing'
import { Body } from '@sluice/wire'
import { onTestFinished } from 'vitest'

export interface SetUp {
  readonly handler?: UpstreamHandler
  readonly use: readonly Middleware[]
  readonly targets?: readonly string[]
  readonly forward?: ForwardOptions
  readonly upstream?: Partial<UpstreamOptions>
  /** The proxy's dice. @default always 0.5 */
  readonly random?: Random
}

export const ABC = ['http://a.test', 'http://b.test', 'http://c.test']

export function setUp({ handler, use, targets = ABC, forward, upstream, random = () => 0.5 }: SetUp) {
  const clock = virtualClock()
  const fake = fakeUpstream(handler, { clock })
  const exchanges: Exchange[] = []
  const errors: unknown[] = []
  const pool = createUpstream('users', {
    targets,
    transport: fake.transport,
    clock,
    // Round robin begins with the first target.
    random: () => 0.999,
    ...upstream,
  })
  const proxy = createProxy({ clock, random, onError: (error) => errors.push(error) })
  proxy.use((exchange, next) => {
    exchanges.push(exchange)
    return next(exchange)
  })
  for (const middleware of use) proxy.use(middleware)
  proxy.forward(pool, forward)
  return {
    clock,
    fake,
    upstream: pool,
    proxy,
    /** As they came in. */
    exchanges,
    /** What was thrown that should not have been. */
    errors,
    inject: proxy.inject.bind(proxy),
    /** Lets promises settle. */
    settle: async () => await clock.advanceAsync(0),
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

/** The hosts that were asked, in order: `abc`. */
export function hostsOf(requests: readonly { readonly target: string }[]): string {
  return requests.map(({ target }) => new URL(target).hostname[0]).join('')
}

/** The code of a problem document. */
export async function codeOf(reply: { json(): Promise<unknown> }): Promise<string> {
  return ((await reply.json()) as { code: string }).code
}

/** A body that flows, in one chunk and at once. */
export function flowing(text: string, length?: number): Body {
  const source = {
    start: (sink: { write(chunk: Uint8Array): boolean; end(): void }) => {
      sink.write(Buffer.from(text))
      sink.end()
    },
    resume() {},
    cancel() {},
  }
  return Body.from(source, length)
}
