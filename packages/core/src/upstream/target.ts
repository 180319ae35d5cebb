/** A member of an upstream: what the user wrote, and its live state beside it. */
import { ConfigError } from '../errors.ts'
import { type OptionNames, strictOption } from '../options/option-checks.ts'

/** `up`: picked. `drain`: finishes what it has and gets nothing new. `down`: not picked. */
export type TargetState = 'up' | 'drain' | 'down'

/** A target as the user writes it, or as a source finds it. Other names than these are refused. */
export interface TargetConfig {
  /** `http://host:port` or `https://host:port`, with a base path that is put before every request's path. */
  readonly url: string
  /** Share of the load, relative to the others. 0 gets none. @default 1 */
  readonly weight?: number
  /** @default 'up' */
  readonly state?: TargetState
  /** A Unix socket to connect to in place of the URL's host and port, which still names `Host` and TLS identity. */
  readonly socketPath?: string
  /** Attempts it may have under way at once; beyond, others are picked. @default Infinity */
  readonly maxActive?: number
  /** Lower ones are preferred, by balancers that know priorities: 0, 1, 2, ... @default 0 */
  readonly priority?: number
  /** Where it runs, for balancers that prefer what is near. */
  readonly zone?: string
  /** For balancers and people, such as `zone`. */
  readonly metadata?: Readonly<Record<string, string>>
}

const NAMES: OptionNames<TargetConfig> = {
  url: true,
  weight: true,
  state: true,
  socketPath: true,
  maxActive: true,
  priority: true,
  zone: true,
  metadata: true,
}

/** What of a target can change while it runs; see `upstream.update`. */
export type TargetChange = Pick<TargetConfig, 'weight' | 'state' | 'maxActive'>

const CHANGE_NAMES: OptionNames<TargetChange> = { weight: true, state: true, maxActive: true }

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
  priority: number
  zone: string | undefined
  metadata: Readonly<Record<string, string>>
  weight: number
  /** The weight after the gates had their say: what balancers go by. */
  effectiveWeight: number
  state: TargetState
  /** How many attempts may be under way; Infinity for no limit. */
  maxActive: number
  /** Attempts under way, bodies and tunnels included. */
  active = 0

  /** `at` is the option's path, for messages. `maxActive` holds where the target has none of its own. */
  constructor(config: TargetConfig, at: string, maxActive: number = Number.POSITIVE_INFINITY) {
    strictOption(config, NAMES, at)
    this.url = parseUrl(config.url, `${at}.url`)
    this.origin = this.url.origin
    this.basePath = this.url.pathname === '/' ? '' : this.url.pathname.replace(/\/$/, '')
    this.socketPath = config.socketPath
    this.key =
      config.socketPath === undefined ? this.origin + this.basePath : `unix:${config.socketPath}${this.basePath}`
    this.weight = checkedWeight(config.weight ?? 1, at)
    this.effectiveWeight = this.weight
    this.state = checkedState(config.state ?? 'up', at)
    this.maxActive = checkedMaxActive(config.maxActive ?? maxActive, at)
    this.priority = config.priority ?? 0
    if (!(Number.isInteger(this.priority) && this.priority >= 0))
      throw new ConfigError(`${at}.priority`, 'must be a whole number of at least 0')
    this.zone = config.zone
    this.metadata = Object.freeze({ ...config.metadata })
  }

  /**
   * Takes over what can change while it runs. Nothing changes where one of the values is wrong.
   * @throws {ConfigError} `ERR_SLUICE_CONFIG`
   */
  change(change: TargetChange, at: string): void {
    const { weight, state, maxActive } = strictOption(change, CHANGE_NAMES, at)
    if (weight !== undefined) checkedWeight(weight, at)
    if (state !== undefined) checkedState(state, at)
    if (maxActive !== undefined) checkedMaxActive(maxActive, at)
    this.weight = weight ?? this.weight
    this.state = state ?? this.state
    this.maxActive = maxActive ?? this.maxActive
  }

  /** @internal Becomes what another object with its key was made to be; state that was set by hand stays. */
  become(wanted: Target): void {
    this.weight = wanted.weight
    this.maxActive = wanted.maxActive
    this.priority = wanted.priority
    this.zone = wanted.zone
    this.metadata = wanted.metadata
  }
}

function checkedWeight(weight: number, at: string): number {
  if (Number.isFinite(weight) && weight >= 0) return weight
  throw new ConfigError(`${at}.weight`, 'must be a finite number of at least 0')
}

function checkedState(state: TargetState, at: string): TargetState {
  if (['up', 'drain', 'down'].includes(state)) return state
  throw new ConfigError(`${at}.state`, 'must be "up", "drain" or "down"')
}

function checkedMaxActive(maxActive: number, at: string): number {
  if (maxActive >= 1) return maxActive
  throw new ConfigError(`${at}.maxActive`, 'must be a number of at least 1')
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
