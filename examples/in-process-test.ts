/**
 * Testing a gateway without a socket: `inject()` runs a request through the same chain, and `explain()` says what would
 * happen without letting it happen.
 *
 *     node examples/in-process-test.ts
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createProxy, createUpstream, type Proxy } from '@sluice/core'
import { fakeUpstream } from '@sluice/testing'

const fake = fakeUpstream(({ path }) => ({ body: `this is ${path}` }))

function createGateway(): Proxy {
  const users = createUpstream('users', {
    targets: ['http://one.test', { url: 'http://two.test', state: 'down' }],
    transport: fake.transport,
  })
  return createProxy().route({ path: '/api/users/:id', method: 'GET' }, (route) =>
    route.forward(users, { stripPrefix: '/api' }),
  )
}

await test('forwards without the prefix, and says so', async () => {
  fake.reset()
  const reply = await createGateway().inject({ path: '/api/users/1' })
  assert.equal(reply.status, 200)
  assert.equal(await reply.text(), 'this is /users/1')
  assert.equal(fake.requests[0]?.header('x-forwarded-prefix'), '/api')
})

await test('answers 502 where no target can be reached, and does not say which', async () => {
  fake.reset()
  fake.refusing.add('http://one.test')
  const reply = await createGateway().inject({ path: '/api/users/1' })
  assert.equal(reply.status, 502)
  const text = await reply.text()
  assert.match(text, /ERR_SLUICE_CONNECT_REFUSED/)
  assert.doesNotMatch(text, /one\.test/)
})

await test('explains where a request would go, and why not elsewhere', () => {
  const explanation = createGateway().explain({ path: '/api/users/1' })
  assert.equal(explanation.outcome, 'routed')
  assert.deepEqual({ ...explanation.route?.params }, { id: '1' })
  assert.deepEqual(
    explanation.upstream?.targets.map(({ key, admitted, reasons }) => ({ key, admitted, reasons })),
    [
      { key: 'http://one.test', admitted: true, reasons: [] },
      { key: 'http://two.test', admitted: false, reasons: ['its state is "down"'] },
    ],
  )
})

await test('explains why a path is refused', () => {
  const explanation = createGateway().explain({ path: '/api/..%2fadmin' })
  assert.deepEqual(explanation.refusal, { status: 400, code: 'ERR_SLUICE_AMBIGUOUS_PATH' })
  assert.deepEqual(explanation.ambiguities, ['encoded-slash'])
})
