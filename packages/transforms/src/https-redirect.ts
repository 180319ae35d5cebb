/**
 * Sends clients that come over plain HTTP to the same address over HTTPS. Whether a request came encrypted is what the peer
 * is, or what a trusted proxy in front says (`exchange.client.scheme`).
 *
 *     createProxy().use(httpsRedirect()).use(hsts())
 */
import { ConfigError, defineMiddleware, DownstreamError, type Middleware, problemReply, Reply } from '@sluice/core'
import { type OptionNames, strictOption } from '@sluice/core/options'

/** Options of {@link httpsRedirect}. */
export interface HttpsRedirectOptions {
  /**
   * 308 and 307 keep method and body, 301 and 302 let clients make a GET of a POST (RFC 9110, section 15.4). 301 and 308 are
   * kept by caches.
   * @default 308
   */
  readonly status?: 301 | 302 | 307 | 308
  /** The port of HTTPS. @default 443 */
  readonly port?: number
  /** The host to send to. @default the one that the client has named, whatever it is: let routes say which there are */
  readonly host?: string
  /**
   * Paths that are answered over plain HTTP as well: exactly these, or with `/*` at the end all below.
   * @default ['/.well-known/acme-challenge/*'], which authorities ask for in the clear (RFC 8555, section 8.3)
   */
  readonly except?: readonly string[]
}

const NAMES: OptionNames<HttpsRedirectOptions> = {
  status: true,
  port: true,
  host: true,
  except: true,
}

const STATUSES: readonly number[] = [301, 302, 307, 308]
const HOST = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])$/

/**
 * Makes the middleware. A request that names no host gets 400 where none is given here.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`
 */
export function httpsRedirect(options: HttpsRedirectOptions = {}): Middleware {
  const {
    status = 308,
    port = 443,
    host,
    except = ['/.well-known/acme-challenge/*'],
  } = strictOption(options, NAMES, 'httpsRedirect')
  if (!STATUSES.includes(status)) throw new ConfigError('httpsRedirect.status', 'must be 301, 302, 307 or 308')
  if (!(Number.isInteger(port) && port >= 1 && port <= 65_535))
    throw new ConfigError('httpsRedirect.port', 'must be a port')
  if (host !== undefined && !HOST.test(host))
    throw new ConfigError('httpsRedirect.host', 'must be a host without a port')
  const isExempt = exemption(except)
  const suffix = port === 443 ? '' : `:${port}`
  return defineMiddleware('httpsRedirect', (exchange, next) => {
    const { client, request, settings } = exchange
    if (client.scheme === 'https' || isExempt(request.path)) return next(exchange)
    const name = host ?? withoutPort(request.authority)
    if (name === '') return problemReply(new DownstreamError('ERR_SLUICE_BAD_HOST'), settings.name)
    const target = request.target.startsWith('/') ? request.target : '/'
    return Reply.empty(status, { Location: `https://${name}${suffix}${target}` })
  })
}

function exemption(paths: readonly string[]): (path: string) => boolean {
  const exact = new Set<string>()
  const prefixes: string[] = []
  paths.forEach((path, index) => {
    if (typeof path !== 'string' || !path.startsWith('/'))
      throw new ConfigError(`httpsRedirect.except[${index}]`, 'must begin with "/"')
    if (path.endsWith('/*')) prefixes.push(path.slice(0, -1))
    else exact.add(path)
  })
  return (path) => exact.has(path) || prefixes.some((prefix) => path.startsWith(prefix))
}

/** The brackets of IPv6 stay. */
function withoutPort(authority: string): string {
  return authority.replace(/:[0-9]*$/, '')
}
