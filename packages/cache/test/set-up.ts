/** A gateway in process and in virtual time, with a cache in front of a fake upstream that is told what to answer. */
import { createProxy, createUpstream, type EventChannel, type InjectedReply, type Middleware } from '@sluice/core'
import { type Answer, fakeUpstream, type RecordedRequest, seededRandom, virtualClock } from '@sluice/testing'
import { onTestFinished } from 'vitest'
import { httpCache, type HttpCacheOptions, memoryStore } from '../src/index.ts'

export type Answering = Answer | ((request: RecordedRequest) => Answer | Promise<Answer>)

/** What is set up around the cache. */
export interface SetUpOptions extends Partial<HttpCacheOptions> {
  /** Middlewares above the cache, and below. */
  readonly above?: readonly Middleware[]
  readonly below?: readonly Middleware[]
}

export function setUp(answering: Answering = {}, { above = [], below = [], ...options }: SetUpOptions = {}) {
  const clock = virtualClock()
  const state = { answering }
  const fake = fakeUpstream(
    (request) => (typeof state.answering === 'function' ? state.answering(request) : state.answering),
    { clock },
  )
  const errors: unknown[] = []
  const cache = httpCache({ store: memoryStore(), clock, random: seededRandom(7), ...options })
  const origin = createUpstream('origin', { targets: ['http://a.test'], transport: fake.transport, clock })
  const proxy = createProxy({ clock, onError: (error) => errors.push(error) })
  for (const middleware of above) proxy.use(middleware)
  proxy.use(cache)
  for (const middleware of below) proxy.use(middleware)
  proxy.forward(origin)
  return {
    clock,
    cache,
    fake,
    proxy,
    origin,
    /** What was thrown that should not have been. */
    errors,
    /** What the upstream answers from now on. */
    answer: (next: Answering) => void (state.answering = next),
    /** A date, so many seconds from now. */
    date: (seconds = 0) => new Date(clock.wallTime() + seconds * 1_000).toUTCString(),
    get: async (path = '/', headers: Record<string, string> = {}) => await read(proxy.inject({ path, headers })),
    send: async (request: Parameters<typeof proxy.inject>[0]) => await read(proxy.inject(request)),
    wait: async (seconds: number) => await clock.advanceAsync(seconds * 1_000),
  }
}

/** A reply that has been read to its end. */
export interface ReadReply {
  readonly status: number
  readonly text: string
  /** The end of a body that broke off. */
  readonly error: Error | undefined
  header(name: string): string | undefined
  readonly reply: InjectedReply
}

export async function read(injecting: Promise<InjectedReply>): Promise<ReadReply> {
  const reply = await injecting
  let text = ''
  let error: Error | undefined
  try {
    text = (await reply.body.bytes({ maxBytes: 64 * 1024 * 1024 })).toString('latin1')
  } catch (cause) {
    error = cause as Error
  }
  return { status: reply.status, text, error, header: (name) => reply.headers.get(name), reply }
}

/** What is published on a channel while the test runs. */
export function record<T>(channel: EventChannel<T>): T[] {
  const messages: T[] = []
  const listener = (message: T) => void messages.push(message)
  channel.subscribe(listener)
  onTestFinished(() => channel.unsubscribe(listener))
  return messages
}
