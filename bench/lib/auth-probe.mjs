/** `node --expose-gc auth-probe.mjs NAME`: measures one cost of authentication in a process of its own, and prints a line of JSON. */
import { generateKeyPairSync } from 'node:crypto'
import { getHeapStatistics } from 'node:v8'
import { jwt } from '@sluice/auth'
import { denyAddresses } from '@sluice/auth/access'
import { createProxy, Exchange, Reply } from '@sluice/core'
import { rateLimit } from '@sluice/rate-limit'
import { jwtVerify, SignJWT } from 'jose'

const CLIENTS = 1_000
const RANGES = 100_000
/** Made before each stretch that is measured, and small enough to stay where the processor finds them. */
const BATCH = 200
const WARM_UP_MICROS = 400_000
const ENOUGH_MICROS = 500_000
/** Many short ones: the best of them is one in which little else happened. */
const TURNS = 16
const TURN_MICROS = 100_000
const PLENTY = 1e9
const NOW = 1_700_000_000_000
const SECRET = 'x'.repeat(32)

let now = 1_000.5
/** Time passes by a microsecond at each look. */
const clock = { now: () => (now += 0.001), wallTime: () => NOW, schedule: () => ({ cancel() {} }) }

const name = process.argv[2]
const [algorithm] = /^\w+(?=, uncached)/.exec(name) ?? ['ES256']
const keys = keysFor(algorithm)
const exchanges = await madeExchanges()
console.log(JSON.stringify(name.endsWith('uncached') ? await uncached() : await cached()))

async function cached() {
  const parts = {
    addresses: () => denyAddresses(ranges()),
    'rate limit': () => rateLimit({ limit: PLENTY, windowMs: 60_000 }),
    'cached JWT': () => jwt({ algorithms: [algorithm], ...keys.options, audience: 'orders' }),
  }
  const chain = name.split(', ').map((part) => parts[part]())
  const run = chain.reduceRight(
    (next, middleware) => (x) => middleware(x, next),
    () => Reply.empty(204),
  )
  const only = () => Reply.empty(204)
  // Every token is seen once.
  for (let i = 0; i < CLIENTS; i++) if ((await run(exchanges(i))).status !== 204) throw new Error('refused')
  measure(run, WARM_UP_MICROS)
  measure(only, WARM_UP_MICROS)
  const ns = measure(run, ENOUGH_MICROS) - measure(only, ENOUGH_MICROS)
  return { ns, bytes: Math.min(bytesOf(run), bytesOf(run)) - Math.min(bytesOf(only), bytesOf(only)) }
}

async function uncached() {
  const strategy = jwt({ algorithms: [algorithm], ...keys.options, audience: 'orders', cache: false })
  const only = () => Reply.empty(204)
  const own = async (i) => {
    const reply = await strategy(exchanges(i), only)
    if (reply.status !== 204) throw new Error('refused')
  }
  const options = { algorithms: [algorithm], audience: 'orders', requiredClaims: ['exp'], currentDate: new Date(NOW) }
  const tokens = Array.from({ length: CLIENTS }, (_, i) => exchanges(i).request.headers.get('authorization').slice(7))
  const jose = async (i) => await jwtVerify(tokens[i % CLIENTS], keys.verify, options)
  const figures = { own: [], jose: [] }
  // In turns, so that what else the machine does is shared; the best turn of each counts.
  for (let turn = 0; turn < TURNS; turn++) {
    figures.own.push(await measureAsync(own))
    figures.jose.push(await measureAsync(jose))
  }
  return { ns: Math.min(...figures.own.slice(1)), jose: Math.min(...figures.jose.slice(1)) }
}

/** One exchange after the other, each a new one, as a listener makes them; making them is not measured. */
function measure(run, enough) {
  let micros = 0
  let calls = 0
  while (micros < enough) {
    const batch = Array.from({ length: BATCH }, (_, i) => exchanges(calls + i))
    const start = cpuMicros()
    for (let i = 0; i < BATCH; i++) run(batch[i])
    micros += cpuMicros() - start
    calls += BATCH
  }
  return (micros / calls) * 1_000
}

async function measureAsync(run) {
  const start = cpuMicros()
  let calls = 0
  while (cpuMicros() - start < TURN_MICROS) for (let i = 0; i < 50; i++) await run(calls++)
  return ((cpuMicros() - start) / calls) * 1_000
}

function bytesOf(run) {
  const batch = Array.from({ length: 2_000 }, (_, i) => exchanges(i))
  globalThis.gc()
  const before = getHeapStatistics().used_heap_size
  for (const each of batch) run(each)
  return Math.max(0, getHeapStatistics().used_heap_size - before) / batch.length
}

/** Of all threads: signatures are verified on others. */
function cpuMicros() {
  const { user, system } = process.cpuUsage()
  return user + system
}

/** Makes exchanges of clients that each have an address and a token of their own. */
async function madeExchanges() {
  const firsts = []
  const proxy = createProxy({ clock }).handle((x) => (firsts.push(x), Reply.empty(204)))
  for (let i = 0; i < CLIENTS; i++) {
    const headers = {
      Host: 'localhost',
      'User-Agent': 'bench/1.0',
      Accept: '*/*',
      Authorization: `Bearer ${await tokenOf(i)}`,
    }
    await proxy.inject({ headers, peer: { address: `10.${i >> 8}.${i & 255}.9` } })
  }
  return (i) => {
    const { settings, received, request, client, downstream } = firsts[i % CLIENTS]
    return new Exchange(settings, { received, request: request.copy(), client, downstream })
  }
}

/** Some 700 bytes, flat, as a parser gives them. */
async function tokenOf(i) {
  const claims = {
    iss: 'https://login.example.com/realms/example',
    aud: ['orders', 'users'],
    sub: `f5a1e7c0-0000-4000-8000-${String(i).padStart(12, '0')}`,
    iat: NOW / 1_000,
    exp: NOW / 1_000 + 3_600,
    scope: 'openid profile email orders:read orders:write',
    realm_access: { roles: ['offline_access', 'uma_authorization', 'staff'] },
    azp: 'web',
    sid: '7d0e1c5a-0000-4000-8000-000000000000',
    preferred_username: `client-${i}`,
  }
  const header = { alg: algorithm, typ: 'JWT', kid: 'k1' }
  const token = await new SignJWT(claims).setProtectedHeader(header).sign(keys.sign)
  return Buffer.from(token).toString('latin1')
}

function keysFor(alg) {
  if (alg === 'HS256') return { sign: Buffer.from(SECRET), verify: Buffer.from(SECRET), options: { secret: SECRET } }
  const { publicKey, privateKey } = {
    RS256: () => generateKeyPairSync('rsa', { modulusLength: 2_048 }),
    ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    EdDSA: () => generateKeyPairSync('ed25519'),
  }[alg]()
  return { sign: privateKey, verify: publicKey, options: { keys: publicKey.export({ type: 'spki', format: 'pem' }) } }
}

/** None of them is a client's. */
function ranges() {
  return Array.from({ length: RANGES }, (_, i) => `${11 + (i >> 16)}.${(i >> 8) & 255}.${i & 255}.0/24`)
}
