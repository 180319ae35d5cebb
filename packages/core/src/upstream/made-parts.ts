/** The parts that an upstream makes of what its options give. */
import { madeOption } from '../options/option-checks.ts'
import type { Balancer, BalancerFactory, BalancerServices } from './balancer.ts'
import type { Gate, GateFactory, GateServices } from './gate.ts'
import type { RunningTargetSource, TargetSource, TargetSourceServices } from './target-source.ts'

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function madeBalancer(create: BalancerFactory, at: string, services: BalancerServices): Balancer {
  return madeOption(create, services, isBalancer, at, 'a balancer, such as roundRobin()')
}

function isBalancer(made: Partial<Balancer> | undefined): boolean {
  return typeof made?.pick === 'function' && typeof made.update === 'function'
}

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function madeGate(create: GateFactory, at: string, services: GateServices): Gate {
  return madeOption(
    create,
    services,
    (made) => typeof made?.admits === 'function',
    at,
    'a gate, such as activeHealth()',
  )
}

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function madeSource(create: TargetSource, at: string, services: TargetSourceServices): RunningTargetSource {
  const wanted = 'a source of targets, such as dnsTargets({ hostname })'
  return madeOption(create, services, (made) => typeof made?.close === 'function', at, wanted)
}
