/** What would happen to a request, as plain data, without letting it happen. */
import type { RouteDefinition } from './builder.ts'
import type { Entrance } from './entrance/entrance.ts'
import { arrivalOf, type InjectedRequest } from './inject.ts'
import { ambiguityNames } from './routing/canonical-path.ts'
import type { UpstreamSnapshot } from './upstream/upstream-options.ts'

/** The decision on one request. */
export interface Explanation {
  /** `routed`, `unmatched` or `refused`. */
  readonly outcome: 'routed' | 'unmatched' | 'refused'
  /** The canonical path that routes were matched on. */
  readonly path: string
  /** What makes the raw path ambiguous. */
  readonly ambiguities: readonly string[]
  readonly client: { readonly address: string; readonly scheme: string }
  /** The route's name, and the path parameters. */
  readonly route: { readonly name: string; readonly params: Readonly<Record<string, string>> } | undefined
  /** The names of the middlewares, in the order in which they run. */
  readonly middlewares: readonly string[]
  /** Where it would go: every target, with whether it may be picked and why not. */
  readonly upstream: UpstreamSnapshot | undefined
  /** For a refusal: the status, and the code where there is one. */
  readonly refusal: { readonly status: number; readonly code: string | undefined } | undefined
}

/** Explains one request. No middleware runs and nothing is sent. */
export function explain(
  entrance: Entrance,
  routes: ReadonlyMap<object, RouteDefinition>,
  init: InjectedRequest,
): Explanation {
  const { exchange, handler, isUnmatched } = entrance.admit(arrivalOf(init, () => {}))
  const { request, client, route } = exchange
  const definition = route === undefined ? undefined : routes.get(route)
  // What is neither routed nor left over was refused, or is answered at the entrance: by a handler that only returns. A
  // mounted proxy leaves an ambiguous path that matches nothing to whoever comes next, but by itself it refuses it.
  const isAnswered = definition === undefined && (!isUnmatched || request.ambiguities !== 0)
  const reply = isAnswered ? handler(exchange) : undefined
  const refusal =
    reply === undefined || reply instanceof Promise ? undefined : { status: reply.status, code: reply.error?.code }
  exchange.request.body.cancel()
  return {
    outcome: definition !== undefined ? 'routed' : refusal !== undefined ? 'refused' : 'unmatched',
    path: request.path,
    ambiguities: ambiguityNames(request.ambiguities),
    client: { address: client.address, scheme: client.scheme },
    route: route === undefined ? undefined : { name: route.name, params: exchange.params },
    middlewares: definition?.middlewares ?? [],
    upstream: definition?.upstream?.snapshot(),
    refusal,
  }
}
