/** An upstream whose targets answer when the test says so: for what depends on how many attempts are under way. */
import { setImmediate as eventLoopTurn } from 'node:timers/promises'
import { type Answer, fakeUpstream, type RecordedRequest, virtualClock, type VirtualClock } from '@sluice/testing'
import {
  createProxy,
  createUpstream,
  type ForwardOptions,
  type InjectedReply,
  type InjectedRequest,
  type Middleware,
  type Proxy,
  type Transport,
  type Upstream,
  type UpstreamOptions,
} from '../../src/index.ts'

/** An attempt that has arrived at its target. */
export interface HeldAttempt {
  readonly target: string
  readonly path: string
  /** Whether it was given up before it was answered. */
  readonly aborted: boolean
  /** @default an empty 200, which ends the attempt */
  answer(answer?: Answer): Promise<void>
}

export interface HeldUpstream {
  readonly clock: VirtualClock
  readonly upstream: Upstream
  readonly proxy: Proxy
  /** In the order of arrival; those that were answered stay. */
  readonly held: readonly HeldAttempt[]
  /** Keys of targets that refuse connections. */
  readonly refusing: Set<string>
  /** Keys of the targets that the transport was to forget. */
  readonly forgotten: readonly string[]
  /** What the proxy's `onError` was told. */
  readonly thrown: readonly unknown[]
  /** Sends a request, and lets it get as far as it can: nothing here waits for more than promises. */
  send(request?: InjectedRequest): Promise<SentRequest>
}

/** A request that may have been answered or not. */
export interface SentRequest {
  readonly promise: Promise<InjectedReply>
  /** Missing until there is a reply. */
  readonly reply: InjectedReply | undefined
}

interface SetUp extends Partial<UpstreamOptions> {
  readonly forwardOptions?: ForwardOptions
  readonly middleware?: Middleware
}

export const ABC: readonly string[] = ['http://a.test', 'http://b.test', 'http://c.test']

/** Picks begin with the first target. */
export function heldUpstream({ forwardOptions, middleware, ...options }: SetUp = {}): HeldUpstream {
  const clock = virtualClock()
  const held: HeldAttempt[] = []
  const forgotten: string[] = []
  const thrown: unknown[] = []
  const hold = async (request: RecordedRequest): Promise<Answer> =>
    await new Promise<Answer>((resolve) => {
      held.push({
        target: request.target,
        path: request.path,
        get aborted() {
          return request.aborted
        },
        answer: async (answer = {}) => {
          resolve(answer)
          await eventLoopTurn()
        },
      })
    })
  const fake = fakeUpstream(hold, { clock })
  const upstream = createUpstream('users', {
    targets: ABC,
    transport: forgetful(fake.transport, forgotten),
    clock,
    random: () => 0.999,
    ...options,
  })
  const proxy = createProxy({ clock, onError: (error) => void thrown.push(error) })
    .use(middleware ?? ((exchange, next) => next(exchange)))
    .forward(upstream, forwardOptions)
  return {
    clock,
    upstream,
    proxy,
    held,
    refusing: fake.refusing,
    forgotten,
    thrown,
    async send(request) {
      const promise = proxy.inject(request)
      const sent: { promise: Promise<InjectedReply>; reply: InjectedReply | undefined } = { promise, reply: undefined }
      void promise.then((reply) => (sent.reply = reply))
      await eventLoopTurn()
      return sent
    },
  }
}

function forgetful(transport: Transport, forgotten: string[]): Transport {
  return {
    name: transport.name,
    send: (target, request, observer) => transport.send(target, request, observer),
    stats: (target) => transport.stats(target),
    forget: (target) => void forgotten.push(target.key),
    close: async () => await transport.close(),
    destroy: async () => await transport.destroy(),
  }
}

/** The code of a problem document. */
export async function codeOf(reply: InjectedReply | undefined): Promise<unknown> {
  const document = (await reply?.json()) as { readonly code?: unknown } | undefined
  return document?.code
}
