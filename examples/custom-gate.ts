/**
 * A gate of one's own: a target that answers 5xx, or not at all, is left out for ten seconds. A gate learns from outcomes
 * and says when its answer changes; it is not asked for each request.
 *
 *     node examples/custom-gate.ts
 *     curl 'http://localhost:8080/?[1-4]'                # 500 200 200 200
 *     curl http://localhost:8080/explain                 # 200
 */
import {
  type Attempt,
  createProxy,
  createUpstream,
  type Gate,
  type GateFactory,
  type GateServices,
  type Proxy,
  Reply,
  type Target,
} from '@sluice/core'

/** Leaves a target out for `restMs` after each failure. */
function restAfterFailure(restMs: number): GateFactory {
  return (services) => new RestGate(services, restMs)
}

class RestGate implements Gate {
  readonly name = 'rest-after-failure'
  readonly #services: GateServices
  readonly #restMs: number
  readonly #resting = new Set<Target>()

  constructor(services: GateServices, restMs: number) {
    this.#services = services
    this.#restMs = restMs
  }

  admits(target: Target): boolean {
    return !this.#resting.has(target)
  }

  reason(): string {
    return 'it failed a short time ago'
  }

  observe(target: Target, attempt: Attempt): void {
    const hasFailed = attempt.phase === 'failed' || (attempt.status ?? 0) >= 500
    if (!hasFailed || this.#resting.has(target)) return
    this.#resting.add(target)
    this.#services.changed()
    this.#services.clock.schedule(this.#restMs, () => {
      this.#resting.delete(target)
      this.#services.changed()
    })
  }
}

const good = await createProxy()
  .handle(() => Reply.text('good\n'))
  .listen()
const bad = await createProxy()
  .handle(() => Reply.text('bad\n', { status: 500 }))
  .listen()
const pool = createUpstream('pool', {
  targets: [good.address.url, bad.address.url],
  gates: [restAfterFailure(10_000)],
  // Round robin starts anywhere; with these dice it begins with the second target.
  random: () => 0,
})

const proxy: Proxy = createProxy()
  .route({ path: '/explain' }, (route) => route.handle(() => Reply.json(proxy.explain({ path: '/' }).upstream)))
  .route({ path: '/' }, (route) => route.forward(pool))

const listener = await proxy.listen({ port: Number(process.env.PORT ?? 8080) })
console.log(`listening on ${listener.address.url}`)
