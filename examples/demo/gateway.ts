/** The demo's gateway, and the URLs that stop and start what is behind it. */
import { createProxy, createUpstream, type Proxy, Reply } from '@sluice/core'
import { apiKey, tokenBucket } from './caller.ts'
import type { DemoTarget } from './targets.ts'

const KEYS = new Map([['demo-key', 'ada']])

/** `targets` are running already. */
export function createGateway(targets: readonly DemoTarget[]): Proxy {
  const pool = createUpstream('pool', {
    targets: targets.map(({ url, name }) => ({ url, metadata: { name } })),
  })
  const proxy: Proxy = createProxy()
    .route({ path: '/hello' }, (route) => route.forward(pool))
    .route({ path: '/stream' }, (route) => route.forward(pool))
    .route({ path: '/late' }, (route) => route.forward(pool, { headTimeoutMs: 500 }))
    .route({ path: '/api/*' }, (route) =>
      route.use(apiKey(KEYS)).use(tokenBucket(3, 10_000)).forward(pool, { stripPrefix: '/api' }),
    )
    .route({ path: '/demo/*' }, (demo) =>
      demo
        .route({ path: '/stop/:number', method: 'POST' }, (route) =>
          route.handle(async ({ params }) => await turn(targets, params['number']!, 'stop')),
        )
        .route({ path: '/start/:number', method: 'POST' }, (route) =>
          route.handle(async ({ params }) => await turn(targets, params['number']!, 'start')),
        )
        .route({ path: '/explain', method: 'GET' }, (route) =>
          route.handle(({ request }) => indented(proxy.explain({ path: request.query.get('path') ?? '/' }))),
        ),
    )
  return proxy
}

async function turn(targets: readonly DemoTarget[], number: string, action: 'start' | 'stop'): Promise<Reply> {
  const target = targets[Number(number) - 1]
  if (target === undefined) return Reply.text(`there are targets 1 to ${targets.length}\n`, { status: 404 })
  await target[action]()
  return Reply.text(`${target.name} is ${action === 'stop' ? 'stopped' : 'running'}\n`)
}

function indented(value: unknown): Reply {
  return Reply.text(`${JSON.stringify(value, undefined, 2)}\n`, { headers: { 'Content-Type': 'application/json' } })
}
