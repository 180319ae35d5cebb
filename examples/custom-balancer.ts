/**
 * A balancer of one's own: the same user always gets the same target, by rendezvous hashing (Thaler and Ravishankar, 1996),
 * and when a target leaves, only its users move.
 *
 *     node examples/custom-balancer.ts
 *     curl -H 'X-User: ada' 'http://localhost:8080/?[1-3]'      # 200 200 200
 *     curl -H 'X-User: grace' 'http://localhost:8080/?[1-3]'    # 200 200 200
 */
import { createHash } from 'node:crypto'
import {
  type Attempt,
  type Balancer,
  type BalancerFactory,
  createProxy,
  createUpstream,
  type Exchange,
  Reply,
  type Target,
  wasTried,
} from '@sluice/core'

/** Picks by the value of a request field. */
function byField(name: string): BalancerFactory {
  return () => new FieldBalancer(name)
}

class FieldBalancer implements Balancer {
  readonly name = 'by-field'
  readonly #field: string
  #targets: readonly Target[] = []

  constructor(field: string) {
    this.#field = field
  }

  /** Called when the admissible targets change, not for each request: what can be prepared is prepared here. */
  update(targets: readonly Target[]): void {
    this.#targets = targets.filter((target) => target.effectiveWeight > 0)
  }

  pick(exchange: Exchange, tried: readonly Attempt[]): Target | undefined {
    const value = exchange.request.headers.get(this.#field) ?? exchange.client.address
    let best: Target | undefined
    let bestScore = -1
    for (const target of this.#targets) {
      const score = scoreOf(value, target)
      if (score > bestScore && !wasTried(target, tried)) {
        best = target
        bestScore = score
      }
    }
    return best
  }
}

/** Hashing per request is fine for an example; a balancer for production would use a cheaper hash. */
function scoreOf(value: string, target: Target): number {
  const key = target.metadata.name ?? target.key
  return createHash('sha1').update(`${value}\n${key}`).digest().readUInt32BE(0)
}

const targets = await Promise.all(
  ['one', 'two', 'three'].map(async (name) => {
    const { address } = await createProxy()
      .handle(() => Reply.text(`${name}\n`))
      .listen()
    return { url: address.url, metadata: { name } }
  }),
)
const pool = createUpstream('pool', { targets, balancer: byField('x-user') })
const proxy = createProxy().forward(pool)

const listener = await proxy.listen({ port: Number(process.env.PORT ?? 8080) })
console.log(`listening on ${listener.address.url}`)
