/** Asks a server of RFC 7662 what a token is worth. */
import { ConfigError } from '@sluice/core'
import { flagOption, functionOption, objectOption, positiveOption, textOption, wholeOption } from '@sluice/core/options'
import type { Clock } from '@sluice/wire'
import { deepFreeze } from '../bearer/claims.ts'
import { introspectionFailed } from '../events.ts'
import { type FetchFunction, fetchReply, globalFetch, trustedUrl } from '../outbound/fetch-reply.ts'
import type { IntrospectedClaims } from './introspection-rules.ts'

/** How the server is asked. */
export interface IntrospectionClientOptions {
  /** Where the server is asked; `https:`, or `http:` on this machine. */
  readonly url: string
  /** Who asks: sent with the secret as HTTP Basic (RFC 6749, section 2.3.1). @default none: there must be a `bearerToken` */
  readonly clientId?: string
  /** The secret of `clientId`. */
  readonly clientSecret?: string
  /** In the place of these: a token that the server accepts. @default none */
  readonly bearerToken?: string
  /** Further parameters of the form. `token_type_hint` is `access_token` where it is not among them. @default {} */
  readonly parameters?: Readonly<Record<string, string>>
  /** Longest wait for the whole answer; then 503. @default 2_000 */
  readonly timeoutMs?: number
  /** Longest answer that is read; a longer one is 503. @default 16_384 */
  readonly maxReplyBytes?: number
  /**
   * How many tokens are asked about at once; beyond that it is 503. Whoever makes tokens up shall not take the server for it. @default 256
   */
  readonly maxConcurrentAsks?: number
  /** Whether a server other than on this machine may be asked without TLS: it gets tokens and the secret then. @default false */
  readonly allowHttp?: boolean
  /** What it is asked with, such as undici's `fetch` with a dispatcher. @default the global `fetch` */
  readonly fetch?: FetchFunction
}

export const CLIENT_OPTIONS: readonly string[] = [
  'url',
  'clientId',
  'clientSecret',
  'bearerToken',
  'parameters',
  'timeoutMs',
  'maxReplyBytes',
  'maxConcurrentAsks',
  'allowHttp',
  'fetch',
]

export class IntrospectionClient {
  readonly #url: string
  readonly #authorization: string
  readonly #parameters: Readonly<Record<string, string>>
  readonly #timeoutMs: number
  readonly #maxReplyBytes: number
  readonly #maxConcurrentAsks: number
  readonly #fetch: FetchFunction
  #running = 0
  #asked = 0
  #failed = 0
  /** Those that were not asked about. */
  #busy = 0

  /** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
  constructor(options: IntrospectionClientOptions, at: string) {
    const allowHttp = flagOption(options.allowHttp, false, `${at}.allowHttp`)
    this.#url = trustedUrl(options.url, allowHttp, `${at}.url`)
    this.#authorization = authorizationOf(options, at)
    this.#parameters = parametersOption(options.parameters, `${at}.parameters`)
    this.#timeoutMs = positiveOption(options.timeoutMs, 2_000, `${at}.timeoutMs`)
    this.#maxReplyBytes = wholeOption(options.maxReplyBytes, 16_384, `${at}.maxReplyBytes`, 1)
    this.#maxConcurrentAsks = wholeOption(options.maxConcurrentAsks, 256, `${at}.maxConcurrentAsks`, 1)
    this.#fetch = functionOption(options.fetch, `${at}.fetch`) ?? globalFetch
  }

  /** The answer, frozen; it may be that the token is not active. `undefined` where there is none. Never rejects. */
  async ask(token: string, clock: Clock): Promise<IntrospectedClaims | undefined> {
    if (this.#running >= this.#maxConcurrentAsks) {
      this.#busy++
      return undefined
    }
    this.#asked++
    this.#running++
    try {
      const { status, text } = await fetchReply(this.#fetch, {
        url: this.#url,
        method: 'POST',
        headers: {
          accept: 'application/json',
          authorization: this.#authorization,
          'content-type': 'application/x-www-form-urlencoded',
        },
        body: new URLSearchParams({ token_type_hint: 'access_token', ...this.#parameters, token }).toString(),
        timeoutMs: this.#timeoutMs,
        maxBytes: this.#maxReplyBytes,
        clock,
      })
      if (status !== 200) throw new Error(`the reply is ${status}`)
      return deepFreeze(answerIn(text))
    } catch (error) {
      this.#failed++
      if (introspectionFailed.hasSubscribers) introspectionFailed.publish({ url: this.#url, error: error as Error })
      return undefined
    } finally {
      this.#running--
    }
  }

  snapshot(): Readonly<Record<string, number>> {
    return { asked: this.#asked, failed: this.#failed, busy: this.#busy }
  }
}

function answerIn(text: string): IntrospectedClaims {
  let answer: unknown
  try {
    answer = JSON.parse(text)
  } catch {
    // What is wrong with it would be told with a part of it, and that may be the token.
  }
  if (typeof (answer as { active?: unknown } | null | undefined)?.active !== 'boolean')
    throw new Error('the reply does not say whether the token is active')
  return answer as IntrospectedClaims
}

function authorizationOf({ clientId, clientSecret, bearerToken }: IntrospectionClientOptions, at: string): string {
  if (bearerToken !== undefined) {
    if (clientId !== undefined) throw new ConfigError(`${at}.bearerToken`, 'must not stand beside clientId')
    if (!/^[A-Za-z0-9._~+/-]+=*$/.test(bearerToken))
      throw new ConfigError(`${at}.bearerToken`, 'must be a token of RFC 6750')
    return `Bearer ${bearerToken}`
  }
  // The server must know who asks (RFC 7662, section 2.1): otherwise anybody could try tokens there.
  const id = textOption(clientId, `${at}.clientId`)
  const secret = textOption(clientSecret, `${at}.clientSecret`)
  return `Basic ${Buffer.from(`${formEncoded(id)}:${formEncoded(secret)}`).toString('base64')}`
}

/** RFC 6749, appendix B. */
function formEncoded(text: string): string {
  return new URLSearchParams([['', text]]).toString().slice(1)
}

function parametersOption(parameters: unknown, at: string): Readonly<Record<string, string>> {
  if (parameters === undefined) return {}
  for (const [name, value] of Object.entries(objectOption(parameters as Record<string, unknown>, at)))
    textOption(value, `${at}.${name}`)
  return { ...(parameters as Record<string, string>) }
}
