/** Sends one attempt through a transport, as `forward` does, and gathers what comes back. */
import { createUpstream } from '@sluice/core'
import type { AnyProxyError, Reply, Target, Transport, TransportCall, TransportRequest } from '@sluice/core'
import { Body, HeaderList, type HeaderListInit } from '@sluice/wire'

export interface AttemptInit {
  readonly url?: string
  readonly method?: string
  readonly path?: string
  readonly headers?: HeaderListInit
  readonly body?: Body
  readonly upgrade?: string
  readonly headTimeoutMs?: number
  readonly bodyIdleTimeoutMs?: number
  readonly freshConnection?: boolean
  /** What to do with a reply. @default reads its body */
  readonly onReply?: (reply: Reply) => void
}

export interface SentAttempt {
  readonly call: TransportCall
  readonly target: Target
  /** Every call of the observer, by name, in order. */
  readonly events: string[]
  readonly informational: [status: number, headers: [string, string][]][]
  /** Resolves with the reply's head. */
  readonly replied: Promise<Reply>
  /** Resolves with what `done` was told. */
  readonly done: Promise<AnyProxyError | undefined>
  /** What has arrived of the body. */
  content(): string
  trailers: [string, string][]
  bodyError: Error | undefined
}

export function attempt(transport: Transport, init: AttemptInit = {}): SentAttempt {
  const { promise: replied, resolve: resolveReply } = Promise.withResolvers<Reply>()
  const { promise: done, resolve: resolveDone } = Promise.withResolvers<AnyProxyError | undefined>()
  const target = createUpstream('users', { targets: [init.url ?? 'http://users.test'], transport }).targets[0]!
  const request: TransportRequest = {
    method: init.method ?? 'GET',
    path: init.path ?? '/',
    headers: new HeaderList(init.headers ?? { Host: 'users.test' }),
    body: init.body ?? Body.empty,
    upgrade: init.upgrade,
    headTimeoutMs: init.headTimeoutMs ?? 0,
    bodyIdleTimeoutMs: init.bodyIdleTimeoutMs ?? 0,
    freshConnection: init.freshConnection ?? false,
  }
  const chunks: Uint8Array[] = []
  const events: string[] = []
  const read = (reply: Reply): void =>
    reply.body.pipe({
      begin() {},
      write: (chunk) => chunks.push(chunk) > 0,
      end: (trailers) => void (sent.trailers = [...(trailers ?? [])]),
      abort: (error) => {
        events.push('abort')
        sent.bodyError = error
      },
    })
  const informational: [number, [string, string][]][] = []
  const call = transport.send(target, request, {
    informational: (status, headers) => {
      events.push('informational')
      informational.push([status, [...headers]])
    },
    reply: (reply) => {
      events.push('reply')
      resolveReply(reply)
      ;(init.onReply ?? read)(reply)
    },
    done: (error) => {
      events.push('done')
      resolveDone(error)
    },
  })
  events.unshift('sent')
  const sent: SentAttempt = {
    call,
    target,
    events,
    informational,
    replied,
    done,
    content: () => Buffer.concat(chunks).toString(),
    trailers: [],
    bodyError: undefined,
  }
  return sent
}
