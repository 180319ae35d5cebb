/** Many exchanges at once, of every kind: each is answered, with its own body, whatever happens to the thread meanwhile. */
import { createProxy, Reply } from '@sluice/core'
import { seededRandom } from '@sluice/testing'
import { expect, it, onTestFinished } from 'vitest'
import { createPluginHost, type OutboundSender } from '../../src/index.ts'
import { form, guest, hook } from '../guest.ts'
import { DONE, IF_ASKED, SPIN } from './isolated-plugin.ts'

const EXCHANGES = 600
const AT_ONCE = 60
/** Some of them are longer than a frame may be, some than the ring. */
const LONGEST = 200_000

const REQUEST = form('GET', 'http://auth.test/', 0, 0, '')
const BYTES = guest({
  pages: 20,
  texts: {
    spin: 'x-spin',
    trap: 'x-trap',
    call: 'x-call',
    count: 'x-count',
    by: 'x-by',
    yes: 'yes',
    key: 'k',
    request: REQUEST,
  },
  code: `(func (export "on_request_head") (result i32)
      ${IF_ASKED('spin', SPIN)}
      ${IF_ASKED('trap', '(unreachable)')}
      ${IF_ASKED('count', '(drop (call $kv_increment {key} (f64.const 1) (i32.const 0)))')}
      ${IF_ASKED('call', '(drop (call $http_request {request})) (return (i32.const 2))')}
      ${DONE} (i32.const 0))
    (func (export "on_http_reply") (param $call i32) (param $status i32) (result i32)
      (drop (call $http_reply_body (local.get $call) (i32.const 0) (i32.const 100000) (i32.const 300000)))
      ${DONE} (i32.const 0))
    ${hook(
      'on_request_body',
      `(drop (call $get_body (i32.const 0) (i32.const 0) (i32.const 100000) (local.get $a)))
       (drop (call $set_body (i32.const 0) (i32.const 100000) (local.get $a)))`,
    )}`,
})

it('survives a storm', { timeout: 60_000 }, async () => {
  const random = seededRandom(11)
  const http: OutboundSender = {
    send: async () => {
      await new Promise((resolve) => setImmediate(resolve))
      return { status: 200, fields: [], body: Buffer.alloc(Math.floor(random() * LONGEST)) }
    },
    close: async () => {},
  }
  const host = createPluginHost({ http })
  onTestFinished(() => host.close())
  await host.load({
    name: 'stormy',
    abi: 'sluice:v1',
    source: { bytes: BYTES },
    isolation: 'worker',
    selfTest: false,
    failure: 'open',
    breaker: { faults: 0 },
    limits: { computeMs: 150 },
    capabilities: {
      requestHeaders: { read: ['*'], write: ['*'] },
      requestBody: 'buffer',
      kv: { prefixes: ['k'] },
      http: { hosts: ['auth.test'] },
    },
  })
  const proxy = createProxy()
    .use((exchange, next) => {
      if (random() < 0.03) setImmediate(() => exchange.abort())
      return next(exchange)
    })
    .use(host.plugin('stormy'))
    .handle(async ({ request }) => Reply.text(`${(await request.body.bytes()).length}`))

  let answered = 0
  let wrong = 0
  const send = async (number: number): Promise<void> => {
    const what =
      number === EXCHANGES / 3 ? 'x-spin' : ['x-trap', 'x-call', 'x-call', 'x-count'][Math.floor(random() * 30)]
    const body = Buffer.alloc(random() < 0.5 ? 0 : Math.floor(random() * LONGEST))
    try {
      const reply = await proxy.inject({ method: 'POST', headers: what === undefined ? {} : { [what]: '1' }, body })
      const text = await reply.text()
      // The client has left while the hook waited.
      const hasLeft = reply.status !== 200 && text.includes('ERR_SLUICE_CLIENT_ABORT')
      if (!hasLeft && (reply.status !== 200 || text !== String(body.length))) wrong++
    } catch {
      // Or elsewhere.
    }
    answered++
  }
  let next = 0
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      while (next < EXCHANGES) await send(next++)
    }),
  )
  expect({ answered, wrong }).toEqual({ answered: EXCHANGES, wrong: 0 })
  const { threads, faults, hooks } = host.snapshot()[0]!
  expect(hooks.on_request_head?.calls).toBe(EXCHANGES)
  // Each loss is a fault. On a machine that is busy elsewhere a call that does not spin may take too long as well.
  expect(threads.lost).toBe(faults.timeout ?? 0)
  expect((faults.timeout ?? 0) + (faults.fuel ?? 0)).toBeGreaterThan(0)
})
