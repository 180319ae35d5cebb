/**
 * Reads request bodies into memory and says what their digest is (RFC 9530), for what can only speak of a whole body: a signature
 * towards the upstream covers it by `Content-Digest`.
 */
import { defineMiddleware, DownstreamError, type Middleware, problemReply } from '@sluice/core'
import { strictOption, wholeOption, wordOption } from '@sluice/core/options'
import { Body, WireError } from '@sluice/wire'
import { contentDigest, type DigestAlgorithm } from './content-digest.ts'

/** Options of {@link digestBody}. */
export interface DigestBodyOptions {
  /** @default 'sha-256' */
  readonly algorithm?: DigestAlgorithm
  /** Longer bodies get 413. @default 1_048_576 */
  readonly maxBodyBytes?: number
}

/**
 * Makes the middleware. A client's own `Content-Digest` is replaced: whether it was right is for `verifySignature` to say.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, when it is built
 */
export function digestBody(options: DigestBodyOptions = {}): Middleware {
  const { algorithm, maxBodyBytes } = strictOption(options, ['algorithm', 'maxBodyBytes'], 'digestBody')
  const name = wordOption(algorithm, 'sha-256', ['sha-256', 'sha-512'], 'digestBody.algorithm')
  const maxBytes = wholeOption(maxBodyBytes, 1_048_576, 'digestBody.maxBodyBytes', 0)
  return defineMiddleware('digestBody', async (exchange, next) => {
    const { request } = exchange
    request.headers.delete('content-digest')
    if (request.body.isEmpty) return await next(exchange)
    let body: Buffer
    try {
      body = await request.body.bytes({ maxBytes })
    } catch (error) {
      if (!(error instanceof WireError && error.code === 'ERR_SLUICE_BODY_TOO_LARGE')) throw error
      return problemReply(new DownstreamError('ERR_SLUICE_BODY_TOO_LARGE'), exchange.settings.name)
    }
    request.body = Body.of(body)
    request.headers.set('Content-Digest', contentDigest(body, name))
    return await next(exchange)
  })
}
