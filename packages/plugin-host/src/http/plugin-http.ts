/** HTTP as one plugin may use it: granted hosts and methods, sizes, times, and how many calls at a time. */
import type { Clock } from '@sluice/wire'
import { isFieldValue, isToken } from '@sluice/wire'
import { DENIED, INVALID, LIMIT } from '../abi/sluice-v1.ts'
import { compileGlobs, type Matcher } from '../manifest/globs.ts'
import type { HttpGrants } from '../manifest/manifest.ts'
import type { HttpCalls } from './http-calls.ts'
import { type GrantedRequest, OutboundError, type OutboundRequest, type OutboundSender } from './outbound.ts'

export type { OutboundRequest }

/** Of one plugin at a time, those of `on_log` included, which nobody waits for. */
const MAX_UNDER_WAY = 256

/** What host functions need of it. */
export interface HttpAccess {
  /** The call's number, or why there is none. */
  begin(request: OutboundRequest, calls: HttpCalls): number
}

export class PluginHttp implements HttpAccess {
  readonly #sender: OutboundSender
  readonly #clock: Clock
  readonly #grants: Readonly<Required<HttpGrants>>
  readonly #mayAsk: Matcher
  readonly #methods: ReadonlySet<string>
  #underWay = 0

  constructor(sender: OutboundSender, clock: Clock, grants: Readonly<Required<HttpGrants>>) {
    this.#sender = sender
    this.#clock = clock
    this.#grants = grants
    this.#mayAsk = compileGlobs(grants.hosts.flatMap(withPort), { ignoreCase: true })
    this.#methods = new Set(grants.methods)
  }

  begin(request: OutboundRequest, calls: HttpCalls): number {
    const { maxCalls, maxRequestBytes, allowPrivate, maxReplyBytes } = this.#grants
    const url = URL.parse(request.url)
    if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) return INVALID
    if (url.username !== '' || url.password !== '' || !areFields(request.fields)) return INVALID
    if (!this.#methods.has(request.method) || !this.#mayAsk(authorityOf(url))) return DENIED
    if (calls.size >= maxCalls || this.#underWay >= MAX_UNDER_WAY || request.body.length > maxRequestBytes) return LIMIT
    const controller = new AbortController()
    const number = calls.add(controller)
    const { method, fields, body } = request
    const { signal } = controller
    const granted: GrantedRequest = { method, url, fields, body, allowPrivate, maxReplyBytes, signal }
    void this.#run(granted, controller, request.timeoutMs, number, calls)
    return number
  }

  async #run(
    request: GrantedRequest,
    controller: AbortController,
    timeoutMs: number,
    number: number,
    calls: HttpCalls,
  ): Promise<void> {
    this.#underWay++
    const allowed = this.#grants.timeoutMs
    const timer = this.#clock.schedule(timeoutMs === 0 ? allowed : Math.min(timeoutMs, allowed), () =>
      controller.abort(new OutboundError('timeout')),
    )
    try {
      const reply = await this.#sender.send(request)
      calls.ended(number, reply, undefined)
    } catch (error) {
      calls.ended(number, undefined, error instanceof OutboundError ? error.problem : 'protocol')
    } finally {
      timer.cancel()
      this.#underWay--
    }
  }
}

/** A pattern without a port stands for those of the two schemes. */
function withPort(pattern: string): string[] {
  return /:(\d+|\*)$/.test(pattern) ? [pattern] : [`${pattern}:80`, `${pattern}:443`]
}

function authorityOf({ protocol, hostname, port }: URL): string {
  return `${hostname}:${port !== '' ? port : protocol === 'https:' ? '443' : '80'}`
}

function areFields(flat: readonly string[]): boolean {
  return flat.every((text, i) => (i % 2 === 0 ? isToken(text) : isFieldValue(text)))
}
