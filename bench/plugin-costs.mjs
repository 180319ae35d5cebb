/**
 * What each example plugin costs a request: the CPU time of an exchange with it, less that of the same without it, both in-process. The
 * least of several rounds, in turns, so that what else the machine does weighs on both alike. Needs a build.
 *
 *     node bench/plugin-costs.mjs [NAME...]
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { createProxy, Reply } from '@sluice/core'
import { createPluginHarness, parseManifest, plugin } from '@sluice/plugin-host'
import { buildPlugin } from '@sluice/plugin-host/authoring'

const EXAMPLES = fileURLToPath(new URL('../packages/plugin-host/examples', import.meta.url))
const CACHE = fileURLToPath(new URL('../node_modules/.cache/plugins', import.meta.url))
const ROUNDS = 9
const EXCHANGES = 4_000

process.env.SIGNING_SECRET ??= 'a secret of more than sixteen bytes'

const HEAD = {
  'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36',
  accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'accept-encoding': 'gzip, deflate, br',
  'accept-language': 'en-GB,en;q=0.9',
  host: 'acme.example.com',
  'x-request-id': '8e3d1f3c-02b7-4c5e-9d0a-6a1f0c2b7e11',
}
const PEOPLE = JSON.stringify(
  Array.from({ length: 10 }, (_, id) => ({
    id,
    name: 'Ada Lovelace',
    email: `ada${id}@mail.example.com`,
    phone: '+44 20 7946 0958',
    notes: [
      'called on Monday',
      `write to ada${id}@mail.example.com`,
      'prefers the morning, paid by 4111 1111 1111 1111',
    ],
  })),
)

/** What is sent through each. */
const CASES = {
  'header-rewriter': {},
  'ab-bucketing': { request: { headers: { ...HEAD, cookie: 'theme=dark; bucket=candidate; session=0123456789' } } },
  'pii-redaction': { reply: { headers: { 'content-type': 'application/json' }, body: PEOPLE } },
  'hmac-signing': {},
  waf: { request: { path: '/articles/2024/on-computing?sort=newest&page=3&q=difference%20engine' } },
  'geo-lookup': { request: { peer: { address: '198.51.100.7' } } },
  'extism-classic': {},
  'http-wasm-auth': { request: { headers: { ...HEAD, authorization: 'Basic YWxpY2U6c2VjcmV0' } } },
}

const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(CASES)
console.log('| plugin | module | instructions | cost of an exchange |\n|---|---|---|---|')
for (const name of chosen) console.log(await rowOf(name, CASES[name]))

async function rowOf(name, { request = {}, reply = {} }) {
  const { bytes, path } = await buildPlugin(`${EXAMPLES}/${name}`, { cacheFolder: CACHE })
  const manifest = { ...parseManifest(readFileSync(`${EXAMPLES}/${name}/plugin.yaml`, 'utf8')), source: path }
  const sent = { path: '/users/1?fields=name', headers: HEAD, ...request }

  const harness = await createPluginHarness(bytes, manifest)
  const { fuel, faults } = await harness.run({
    request: { target: sent.path, headers: sent.headers, address: sent.peer?.address ?? '127.0.0.1' },
    reply,
  })
  await harness.close()
  if (faults.length > 0) throw faults[0]

  const middleware = plugin(manifest)
  await middleware.ready
  const answer = () => {
    const made = reply.body === undefined ? Reply.empty(200) : Reply.text(reply.body)
    for (const [field, value] of Object.entries(reply.headers ?? {})) made.headers.set(field, value)
    return made
  }
  const plain = createProxy().handle(answer)
  const plugged = createProxy().use(middleware).handle(answer)
  let least = Infinity
  let leastPlain = Infinity
  for (let round = 0; round < ROUNDS; round++) {
    leastPlain = Math.min(leastPlain, await timeOf(plain, sent))
    least = Math.min(least, await timeOf(plugged, sent))
  }
  await middleware.close()
  const cost = (least - leastPlain).toFixed(1)
  return `| ${name} | ${(bytes.length / 1024).toFixed(1)} KiB | ${fuel} | ${cost} µs |`
}

/** Microseconds for one exchange. Nothing waits for anything here, so the CPU's time is all the time there is. */
async function timeOf(proxy, request) {
  const before = process.cpuUsage()
  for (let i = 0; i < EXCHANGES; i++) await (await proxy.inject(request)).text()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / EXCHANGES
}
