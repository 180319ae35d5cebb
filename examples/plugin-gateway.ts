/**
 * Plugins on routes: one puts clients into buckets of an experiment, one masks personal data in replies, both written in
 * AssemblyScript and compiled here from their sources. The first is swapped for another version of itself while requests go on.
 *
 *     node examples/plugin-gateway.ts
 *     curl -i http://localhost:8080/shop                        # 200
 *     curl -H 'Cookie: bucket=candidate' http://localhost:8080/shop   # 200
 *     curl http://localhost:8080/people                         # 200
 *     curl -X PUT -d 100 http://localhost:8080/share            # 200
 *     curl http://localhost:8080/shop                           # 200
 *     curl -X PUT -d -5 http://localhost:8080/share             # 422
 *     curl http://localhost:8080/shop                           # 200
 *     curl http://localhost:8080/plugins                        # 200
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createProxy, createUpstream, Reply } from '@sluice/core'
import { createPluginHost, parseManifest, type PluginManifest } from '@sluice/plugin-host'
import { buildPlugin } from '@sluice/plugin-host/authoring'

const PLUGINS = fileURLToPath(new URL('../packages/plugin-host/examples', import.meta.url))
const CACHE = fileURLToPath(new URL('../node_modules/.cache/plugins', import.meta.url))

/** Compiles a plugin, unless nothing has changed since the last time, and pins what came out. */
async function manifestOf(name: string): Promise<PluginManifest> {
  const { path, sha256 } = await buildPlugin(`${PLUGINS}/${name}`, { cacheFolder: CACHE })
  return { ...parseManifest(readFileSync(`${PLUGINS}/${name}/plugin.yaml`, 'utf8')), source: path, sha256 }
}

const experiment = await manifestOf('ab-bucketing')

const plugins = createPluginHost({ onLog: ({ plugin, message }) => console.log(`${plugin}: ${message}`) })
await Promise.all([plugins.load(experiment), plugins.load(await manifestOf('pii-redaction'))])

/** The same plugin with other weights. It is started and tried before it serves; where that fails, the one before serves on. */
async function setShare(percent: number): Promise<void> {
  const buckets = [
    { name: 'control', weight: 100 - percent },
    { name: 'candidate', weight: percent },
  ]
  const config = { ...(experiment.config as object), buckets }
  await plugins.replace('ab-bucketing', { ...experiment, version: `1.0.${percent}`, config })
}

const target = await createProxy()
  .route({ path: '/shop' }, (route) =>
    route.handle(({ request }) => Reply.text(`a shop for bucket ${request.headers.get('x-bucket')}\n`)),
  )
  .route({ path: '/people' }, (route) =>
    route.handle(() =>
      Reply.json({ name: 'Ada', email: 'ada@example.com', note: 'or write to ada.l@mail.example.com' }),
    ),
  )
  .listen()
const upstream = createUpstream('shop', { targets: [target.address.url] })

const proxy = createProxy()
  .route({ path: '/shop' }, (route) => route.use(plugins.plugin('ab-bucketing')).forward(upstream))
  .route({ path: '/people' }, (route) => route.use(plugins.plugin('pii-redaction')).forward(upstream))
  .route({ path: '/share', method: 'PUT' }, (route) =>
    route.handle(async ({ request }) => {
      try {
        await setShare(Number(await request.body.text({ maxBytes: 10 })))
        return Reply.text('swapped\n')
      } catch (error) {
        return Reply.text(`${(error as Error).message}\n`, { status: 422 })
      }
    }),
  )
  .route({ path: '/plugins' }, (route) => route.handle(() => Reply.json(plugins.snapshot())))

const listener = await proxy.listen({ port: Number(process.env.PORT ?? 8080) })
console.log(`listening on ${listener.address.url}`)
