/**
 * `PURGE` requests, for those who can do no more than send HTTP. Nothing is purged for whoever the guard does not let through.
 *
 *     proxy.use(purgeMethod({ cache, allow: ['10.0.0.0/8'] }))
 *
 *     PURGE /articles/7                                 the URL, with its variants
 *     PURGE /articles/        Purge-By: prefix          all that begins so
 *     PURGE /                 Surrogate-Key: a b        by tags
 *     PURGE /                 Purge-By: all
 *     PURGE /articles/7       Soft-Purge: 1             stale at once, not forgotten
 */
import { addressList, ConfigError, defineMiddleware, type Exchange, type Middleware, Reply } from '@sluice/core'
import { type OptionNames, strictOption } from '@sluice/core/options'
import type { HttpCache } from '../http-cache.ts'
import { canonicalAuthority } from '../key/authority.ts'
import type { PurgeSelector } from '../store/store.ts'

/** Options of {@link purgeMethod}. */
export interface PurgeMethodOptions<N = unknown> {
  /** Whose entries are purged. */
  readonly cache: Pick<HttpCache<N>, 'purge'>
  /** Who may: client addresses and CIDR ranges, or whatever a function says. There is no default. */
  readonly allow: readonly string[] | ((exchange: Exchange<N>) => boolean | Promise<boolean>)
}

const NAMES: OptionNames<PurgeMethodOptions> = {
  cache: true,
  allow: true,
}

/**
 * Answers `PURGE` with 200 and how many entries were hit, as JSON; with 403; with 400 where it does not say clearly what it means; and with 503
 * (`ERR_SLUICE_PURGE_FAILED`) where the store could not be told of it, so that who asked may ask again. Lets all other methods pass.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`, when it is built
 */
export function purgeMethod<N = unknown>(options: PurgeMethodOptions<N>): Middleware<N> {
  const { cache, allow } = strictOption(options, NAMES, 'purgeMethod')
  if (typeof cache?.purge !== 'function') throw new ConfigError('purgeMethod.cache', 'must be an httpCache()')
  const isAllowed = guardOf(allow)
  const answer = async (exchange: Exchange<N>): Promise<Reply> => {
    const verdict: unknown = await isAllowed(exchange)
    // A function of the user's may say anything; only a plain yes is one.
    if (verdict !== true) return refusal(403, 'not for you\n')
    const { headers } = exchange.request
    const selector = selectorOf(exchange)
    if (typeof selector === 'string') return refusal(400, selector)
    const soft = SOFT.get(headers.get('soft-purge') ?? '0')
    if (soft === undefined) return refusal(400, 'Soft-Purge must be 1 or 0\n')
    const purged = await cache.purge(selector, { soft })
    return Reply.json({ purged, soft }, { headers: { 'Cache-Control': 'no-store' } })
  }
  return defineMiddleware<N>('purgeMethod', (exchange, next) =>
    exchange.request.method === 'PURGE' ? answer(exchange) : next(exchange),
  )
}

function guardOf<N>(allow: PurgeMethodOptions<N>['allow']): (exchange: Exchange<N>) => boolean | Promise<boolean> {
  if (typeof allow === 'function') return allow
  if (!Array.isArray(allow)) throw new ConfigError('purgeMethod.allow', 'must be a list of addresses, or a function')
  const isListed = addressList(allow, 'purgeMethod.allow')
  return ({ client }) => isListed(client.address)
}

/** A word that is none of them must not purge harder than was meant. */
const SOFT: ReadonlyMap<string, boolean> = new Map([
  ['1', true],
  ['true', true],
  ['?1', true],
  ['0', false],
  ['false', false],
  ['?0', false],
])

/** What is meant, or what is wrong with it. */
function selectorOf({ request, client }: Exchange): PurgeSelector | string {
  const [keys, named] = [request.headers.get('surrogate-key'), request.headers.get('cache-tag')]
  if (keys !== undefined || named !== undefined) {
    const tags = [...(keys ?? '').split(/[\s,]+/), ...list(named)].filter((tag) => tag !== '')
    // A script whose variable was empty does not mean the URL.
    return tags.length > 0 ? { tags } : 'no tags are named\n'
  }
  const url = `${client.scheme}://${canonicalAuthority(request.authority, client.scheme)}${request.target}`
  switch (request.headers.get('purge-by') ?? 'url') {
    case 'url':
      return URL.canParse(url) ? { url } : 'not a URL\n'
    case 'prefix':
      return { prefix: url }
    case 'all':
      return { all: true }
    default:
      return 'Purge-By must be "url", "prefix" or "all"\n'
  }
}

function list(value: string | undefined): string[] {
  return (value ?? '').split(',').map((each) => each.trim())
}

function refusal(status: number, text: string): Reply {
  return Reply.text(text, { status, headers: { 'Cache-Control': 'no-store' } })
}
