/** A member of an upstream: what the user wrote, and its live state beside it. */
import { ConfigError } from '../errors.ts'

/** `up`: picked. `drain`: finishes what it has and gets nothing new. `down`: not picked. */
export type TargetState = 'up' | 'drain' | 'down'

/** A target as the user writes it. */
export interface TargetConfig {
  /** `http://host:port` or `https://host:port`, with a base path that is put before every request's path. */
  readonly url: string
  /** Share of the load, relative to the others. 0 gets none. @default 1 */
  readonly weight?: number
  /** @default 'up' */
  readonly state?: TargetState
  /** A Unix socket to connect to in place of the URL's host and port, which still names `Host` and TLS identity. */
  readonly socketPath?: string
  /** For balancers and people, such as `zone`. */
  readonly metadata?: Readonly<Record<string, string>>
}

/** The live state of a target: what balancers and gates read. Kept as long as the upstream has the target. */
export class Target {
  /** Tells targets of an upstream apart: the URL's origin and base path, or the socket's path. */
  readonly key: string
  readonly url: URL
  /** `scheme://host:port` */
  readonly origin: string
  /** Put before each path; without a trailing slash. */
  readonly basePath: string
  readonly socketPath: string | undefined
  readonly metadata: Readonly<Record<string, string>>
  weight: number
  /** The weight after the gates had their say: what balancers go by. */
  effectiveWeight: number
  state: TargetState
  /** Attempts under way, bodies and tunnels included. */
  active = 0

  /** `at` is the option's path, for messages. */
  constructor(config: TargetConfig, at: string) {
    this.url = parseUrl(config.url, `${at}.url`)
    this.origin = this.url.origin
    this.basePath = this.url.pathname === '/' ? '' : this.url.pathname.replace(/\/$/, '')
    this.socketPath = config.socketPath
    this.key =
      config.socketPath === undefined ? this.origin + this.basePath : `unix:${config.socketPath}${this.basePath}`
    this.weight = config.weight ?? 1
    if (!(Number.isFinite(this.weight) && this.weight >= 0))
      throw new ConfigError(`${at}.weight`, 'must be a finite number of at least 0')
    this.effectiveWeight = this.weight
    this.state = config.state ?? 'up'
    if (!['up', 'drain', 'down'].includes(this.state))
      throw new ConfigError(`${at}.state`, 'must be "up", "drain" or "down"')
    this.metadata = Object.freeze({ ...config.metadata })
  }
}

function parseUrl(text: string, at: string): URL {
  const url = typeof text === 'string' && URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined) throw new ConfigError(at, `"${text}" is not a URL`)
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw new ConfigError(at, `the scheme must be http or https, not "${url.protocol.slice(0, -1)}"`)
  if (url.search !== '' || url.hash !== '') throw new ConfigError(at, 'must have neither a query nor a fragment')
  if (url.username !== '' || url.password !== '')
    throw new ConfigError(at, 'must have no user info; set an Authorization field instead')
  return url
}
