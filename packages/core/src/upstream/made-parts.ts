/**
 * The parts that an upstream makes of what its options give. Whoever has forgotten the parentheses of `powerOfTwoChoices()` has given what
 * makes a factory, and is told so when the upstream is built, and not by the first request.
 */
import { ConfigError } from '../errors.ts'
import type { Balancer, BalancerFactory, BalancerServices } from './balancer.ts'
import type { Gate, GateFactory, GateServices } from './gate.ts'

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function madeBalancer(create: BalancerFactory, at: string, services: BalancerServices): Balancer {
  const balancer: Partial<Balancer> | undefined = typeof create === 'function' ? create(services) : undefined
  if (typeof balancer?.pick !== 'function' || typeof balancer.update !== 'function')
    throw new ConfigError(at, 'must be a balancer, such as roundRobin()')
  return balancer as Balancer
}

/** @throws {ConfigError} `ERR_SLUICE_CONFIG` */
export function madeGate(create: GateFactory, at: string, services: GateServices): Gate {
  const gate: Partial<Gate> | undefined = typeof create === 'function' ? create(services) : undefined
  if (typeof gate?.admits !== 'function') throw new ConfigError(at, 'must be a gate, such as activeHealth()')
  return gate as Gate
}
