/** Targets of the proxy's own zone first; the others get what the zone can't take. */
import {
  type Attempt,
  type Balancer,
  type BalancerFactory,
  type BalancerServices,
  ConfigError,
  type Exchange,
  type Target,
} from '@sluice/core'
import { numberOption, type OptionNames, strictOption, wholeOption } from '@sluice/core/options'
import { healthyShare, innerBalancer, type Part, PartedBalancer, weightOf } from './parted-balancer.ts'

/** Options of {@link preferZone}. */
export interface PreferZoneOptions {
  /** The zone of this proxy, as in the targets' `zone`. Targets without one belong to the others. */
  readonly zone: string
  /** Picks among the targets of the zone, and another one of the kind among the others. @default roundRobin() */
  readonly balancer?: BalancerFactory
  /**
   * The zone gets everything while the healthy share of its weight times this is 1 or more, and in proportion below. At
   * least 1.
   * @default 1.4
   */
  readonly overprovisioning?: number
  /**
   * The part of the upstream's whole traffic that arises in this zone: 0.5 where two zones have as many clients each.
   * A zone with less than this share of the admissible weight then gets less than all of its own traffic, so that its
   * targets are no busier than others. Above 0, up to 1. Without it, only health counts.
   */
  readonly trafficShare?: number
  /** With fewer admissible targets than this, the zone is not preferred: it gets its share by weight. @default 1 */
  readonly minTargets?: number
}

const NAMES: OptionNames<PreferZoneOptions> = {
  zone: true,
  balancer: true,
  overprovisioning: true,
  trafficShare: true,
  minTargets: true,
}

/**
 * Zone preference after Envoy's "Zone aware routing", without a need to know the other proxies. What spills over goes to
 * all other zones alike, in the way of their balancer. Where no target of the zone may be picked (tried, or full), the
 * others are asked, and the other way round.
 * @throws {ConfigError} `ERR_SLUICE_CONFIG`: `preferZone.zone`, `.balancer`, `.overprovisioning`, `.trafficShare`,
 * `.minTargets`
 */
export function preferZone(options: PreferZoneOptions): BalancerFactory {
  strictOption(options, NAMES, 'preferZone')
  if (typeof options.zone !== 'string' || options.zone === '')
    throw new ConfigError('preferZone.zone', 'must name a zone')
  const balancer = innerBalancer(options.balancer, 'preferZone.balancer')
  const settings: ZoneSettings = {
    zone: options.zone,
    overprovisioning: numberOption(options.overprovisioning, 1.4, 'preferZone.overprovisioning', 1, 1000),
    trafficShare:
      options.trafficShare === undefined
        ? 0
        : numberOption(options.trafficShare, 0, 'preferZone.trafficShare', 0.001, 1),
    minTargets: wholeOption(options.minTargets, 1, 'preferZone.minTargets', 1),
  }
  return (services) => new PreferZone(services, balancer, settings)
}

interface ZoneSettings {
  readonly zone: string
  readonly overprovisioning: number
  /** 0 where it is not known. */
  readonly trafficShare: number
  readonly minTargets: number
}

const NEAR = 'near'
const FAR = 'far'

class PreferZone extends PartedBalancer {
  readonly name = 'prefer-zone'
  readonly #settings: ZoneSettings
  #near: Balancer | undefined
  #far: Balancer | undefined
  /** The zone's share of what is picked here. */
  #share = 0

  constructor(services: BalancerServices, balancer: BalancerFactory, settings: ZoneSettings) {
    super(services, balancer)
    this.#settings = settings
  }

  pick(exchange: Exchange, tried: readonly Attempt[]): Target | undefined {
    const isNear = this.#share >= 1 || (this.#share > 0 && this.services.random() < this.#share)
    const first = isNear ? this.#near : this.#far
    const second = isNear ? this.#far : this.#near
    return first?.pick(exchange, tried) ?? second?.pick(exchange, tried)
  }

  snapshot(): { readonly zone: string; readonly share: number } {
    return { zone: this.#settings.zone, share: this.#share }
  }

  protected partOf(target: Target): string {
    return target.zone === this.#settings.zone ? NEAR : FAR
  }

  protected dealt(parts: readonly Part[]): void {
    const near = parts.find(({ key }) => key === NEAR)
    const far = parts.find(({ key }) => key === FAR)
    this.#near = near?.balancer
    this.#far = far?.balancer
    this.#share = near === undefined ? 0 : this.#shareOf(near, weightOf(far?.targets ?? []))
  }

  #shareOf(near: Part, farWeight: number): number {
    const nearWeight = weightOf(near.targets)
    if (farWeight === 0 || nearWeight === 0) return nearWeight === 0 ? 0 : 1
    const byWeight = nearWeight / (nearWeight + farWeight)
    const { overprovisioning, trafficShare, minTargets } = this.#settings
    if (near.targets.length < minTargets) return byWeight
    const byCapacity = trafficShare === 0 ? 1 : byWeight / trafficShare
    return Math.min(1, healthyShare(near) * overprovisioning, byCapacity)
  }
}
