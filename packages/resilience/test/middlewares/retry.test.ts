import { ConfigError, defineMiddleware, Reply, RetryBudget } from '@sluice/core'
import type { Answer } from '@sluice/testing'
import { describe, expect, it } from 'vitest'
import { retried, retry, type RetryOptions, retryRefused } from '../../src/index.ts'
import { ABC, codeOf, flowing, hostsOf, record, setUp, type SetUp } from './set-up.ts'

const NO_WAIT = { backoffMs: 0 }

function withRetry(options: RetryOptions = NO_WAIT, more: Partial<SetUp> = {}) {
  return setUp({ use: [retry(options)], ...more })
}

/** Answers with one after the other, and with the last from then on. */
function inTurn(...answers: Answer[]): () => Answer {
  let index = 0
  return () => answers[Math.min(index++, answers.length - 1)]!
}

describe('what is tried again', () => {
  it.each([502, 503, 504])('a %i of one target, at another', async (status) => {
    const { fake, inject } = withRetry(NO_WAIT, { handler: inTurn({ status }, { body: 'well' }) })
    expect(await (await inject()).text()).toBe('well')
    expect(hostsOf(fake.requests)).toBe('ab')
  })

  it.each([200, 404, 429, 500])('not a %i', async (status) => {
    const { fake, inject } = withRetry(NO_WAIT, { handler: () => ({ status }) })
    expect((await inject()).status).toBe(status)
    expect(fake.requests).toHaveLength(1)
  })

  it('the statuses that are listed, and no others', async () => {
    const { fake, inject } = withRetry(
      { backoffMs: 0, statuses: [429] },
      { handler: inTurn({ status: 429 }, { status: 503 }) },
    )
    expect((await inject()).status).toBe(503)
    expect(fake.requests).toHaveLength(2)
  })

  it('the statuses of gRPC that are listed, where they are all there is', async () => {
    const call = { method: 'POST', headers: { 'Content-Type': 'application/grpc' } }
    const trailersOnly = (code: string): Answer => ({
      headers: { 'Content-Type': 'application/grpc', 'grpc-status': code },
    })
    const options = { ...NO_WAIT, methods: ['POST'], grpcStatuses: [14] }
    const { fake, inject } = withRetry(options, { handler: inTurn(trailersOnly('14'), trailersOnly('5')) })
    expect((await inject(call)).headers.get('grpc-status')).toBe('5')
    expect(fake.requests).toHaveLength(2)
    const once = withRetry({ ...options, methods: ['GET'] }, { handler: () => trailersOnly('14') })
    await once.inject(call)
    expect(once.fake.requests).toHaveLength(1)
    const unlisted = withRetry({ ...NO_WAIT, methods: ['POST'] }, { handler: () => trailersOnly('14') })
    await unlisted.inject(call)
    expect(unlisted.fake.requests).toHaveLength(1)
    expect(() => retry({ grpcStatuses: [0] })).toThrow('retry.grpcStatuses')
  })

  it('a connection that is lost before the head', async () => {
    const { fake, inject } = withRetry(NO_WAIT, { handler: inTurn({ reset: true }, { body: 'well' }) })
    expect(await (await inject()).text()).toBe('well')
    expect(hostsOf(fake.requests)).toBe('ab')
  })

  it('at most as often as allowed; then the last outcome is passed on', async () => {
    const replies = withRetry({ backoffMs: 0, maxRetries: 3 }, { handler: () => ({ status: 503, body: 'busy' }) })
    const reply = await replies.inject()
    expect([reply.status, await reply.text()]).toEqual([503, 'busy'])
    expect(hostsOf(replies.fake.requests)).toMatch(/^abc[abc]$/)
    const errors = withRetry({ backoffMs: 0, maxRetries: 1 }, { handler: () => ({ reset: true }) })
    expect(await codeOf(await errors.inject())).toBe('ERR_SLUICE_CONNECTION_RESET')
    expect(errors.fake.requests).toHaveLength(2)
    const none = withRetry({ maxRetries: 0 }, { handler: () => ({ status: 503 }) })
    await none.inject()
    expect(none.fake.requests).toHaveLength(1)
  })

  it('not a POST that may have arrived', async () => {
    for (const answer of [{ status: 503 }, { reset: true }]) {
      const { fake, inject } = withRetry(NO_WAIT, { handler: () => answer })
      await inject({ method: 'POST', body: 'x' })
      expect(fake.requests).toHaveLength(1)
    }
  })

  it('a POST that reached no target', async () => {
    const { fake, inject } = withRetry(NO_WAIT, { forward: { maxConnectAttempts: 1 } })
    fake.refusing.add(ABC[0]!)
    const reply = await inject({ method: 'POST', body: flowing('x') })
    expect(await reply.json()).toMatchObject({ method: 'POST', body: 'x' })
    expect(reply.exchange.attempts.map(({ target }) => target.key)).toEqual(ABC.slice(0, 2))
  })

  it('a POST with an Idempotency-Key, where that is said to be honoured', async () => {
    const post = { method: 'POST', body: 'x', headers: { 'Idempotency-Key': '"1"' } }
    const honoured = withRetry({ backoffMs: 0, idempotencyKey: true }, { handler: inTurn({ status: 503 }, {}) })
    expect((await honoured.inject(post)).status).toBe(200)
    expect((await honoured.inject({ method: 'POST', body: 'x' })).status).toBe(200)
    expect(honoured.fake.requests).toHaveLength(3)
    const ignored = withRetry(NO_WAIT, { handler: inTurn({ status: 503 }, {}) })
    expect((await ignored.inject(post)).status).toBe(503)
  })

  it.each(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'QUERY'])('%s by default', async (method) => {
    const { inject } = withRetry(NO_WAIT, { handler: inTurn({ status: 503 }, {}) })
    expect((await inject({ method })).status).toBe(200)
  })

  it('only the methods that are listed', async () => {
    const { inject } = withRetry(
      { backoffMs: 0, methods: ['POST'] },
      { handler: inTurn({ status: 503 }, {}, { status: 503 }) },
    )
    expect((await inject({ method: 'POST' })).status).toBe(200)
    expect((await inject({ method: 'GET' })).status).toBe(503)
  })

  it('not what the proxy itself refuses, nor a fault of its own', async () => {
    const events = record(retried)
    const none = withRetry(
      { backoffMs: 0, stages: ['queue'] },
      { upstream: { targets: ABC.map((url) => ({ url, state: 'down' })) } },
    )
    expect(await codeOf(await none.inject())).toBe('ERR_SLUICE_NO_TARGET')
    expect(events).toEqual([])
    let calls = 0
    const faulty = defineMiddleware('faulty', () => {
      calls++
      throw new TypeError('a mistake')
    })
    const { inject, errors } = setUp({ use: [retry(NO_WAIT), faulty] })
    expect((await inject()).status).toBe(500)
    expect([calls, errors]).toEqual([1, [expect.objectContaining({ message: 'a mistake' })]])
  })

  it('not an error of a stage that is not listed, but one whose code is', async () => {
    const handler = () => ({ reset: true })
    const unlisted = withRetry({ backoffMs: 0, stages: ['connect'] }, { handler })
    await unlisted.inject()
    expect(unlisted.fake.requests).toHaveLength(1)
    const listed = withRetry({ backoffMs: 0, stages: [], codes: ['ERR_SLUICE_CONNECTION_RESET'] }, { handler })
    await listed.inject()
    expect(listed.fake.requests).toHaveLength(3)
  })

  it('not where forward has used up the time for all of its work', async () => {
    const { clock, fake, inject } = withRetry(NO_WAIT, {
      handler: () => ({ hang: true }),
      forward: { totalTimeoutMs: 500 },
    })
    const pending = inject()
    await clock.advanceAsync(500)
    expect(await codeOf(await pending)).toBe('ERR_SLUICE_TOTAL_TIMEOUT')
    expect(fake.requests).toHaveLength(1)
  })

  it('not a body that breaks after its head has gone on', async () => {
    const { fake, inject } = withRetry(NO_WAIT, { handler: () => ({ body: 'hello', abortAfterBytes: 2 }) })
    await expect((await inject()).text()).rejects.toMatchObject({ code: 'ERR_SLUICE_RESPONSE_TRUNCATED' })
    expect(fake.requests).toHaveLength(1)
  })

  it('not an upgrade that a target has answered', async () => {
    const { fake, inject } = withRetry(NO_WAIT, { handler: () => ({ status: 503 }) })
    const reply = await inject({ headers: { Connection: 'Upgrade', Upgrade: 'chat' } })
    expect([reply.status, fake.requests.length]).toEqual([503, 1])
  })
})

describe('bodies', () => {
  it('are sent again in whole, though they flow', async () => {
    const { fake, inject } = withRetry(NO_WAIT, { handler: inTurn({ status: 503 }, { reset: true }, { body: 'well' }) })
    expect(await (await inject({ method: 'PUT', body: flowing('the body') })).text()).toBe('well')
    expect(fake.requests.map(({ body }) => body.toString())).toEqual(['the body', 'the body', 'the body'])
  })

  it('are not when they are longer than may be kept', async () => {
    for (const length of [undefined, 9]) {
      const { fake, inject } = withRetry({ backoffMs: 0, maxBodyBytes: 8 }, { handler: () => ({ status: 503 }) })
      const headers = length === undefined ? {} : { 'Content-Length': String(length) }
      expect((await inject({ method: 'PUT', body: flowing('nine byte'), headers })).status).toBe(503)
      expect(fake.requests.map(({ body }) => body.toString())).toEqual(['nine byte'])
    }
  })
})

describe('a body that is known to be too long', () => {
  it('is not held in memory at all', async () => {
    const { exchanges, inject } = withRetry({ maxBodyBytes: 8 })
    const [long, short] = [flowing('nine byte', 9), flowing('8 bytes.', 8)]
    await inject({ method: 'PUT', body: long })
    await inject({ method: 'PUT', body: short })
    expect(exchanges[0]!.request.body).toBe(long)
    expect(exchanges[1]!.request.body).not.toBe(short)
  })
})

describe('each try', () => {
  it('begins with the request as it was, whatever the last one has made of it', async () => {
    let count = 0
    const stamp = defineMiddleware('stamp', (exchange, next) => {
      exchange.request.headers.append('X-Stamp', String(++count))
      exchange.request.target += 'x'
      return next(exchange)
    })
    const { fake, inject } = setUp({ use: [retry(NO_WAIT), stamp], handler: inTurn({ status: 503 }, {}) })
    await inject({ path: '/' })
    expect(fake.requests.map((each) => [each.path, each.header('x-stamp')])).toEqual([
      ['/x', '1'],
      ['/x', '2'],
    ])
  })

  it('has the reply that is not used cancelled, and nobody is blamed for it', async () => {
    const endless = (async function* () {
      yield 'busy'
      await new Promise(() => {})
    })()
    const { fake, inject, upstream } = withRetry(NO_WAIT, {
      handler: inTurn({ status: 503, body: endless }, { body: 'well' }),
    })
    const reply = await inject()
    expect(await reply.text()).toBe('well')
    expect(fake.requests[0]!.aborted).toBe(true)
    expect(reply.exchange.attempts[0]).toMatchObject({ phase: 'cancelled', error: { code: 'ERR_SLUICE_SUPERSEDED' } })
    expect(upstream.targets.map(({ active }) => active)).toEqual([0, 0, 0])
  })

  it('has a time of its own, up to the head', async () => {
    const { clock, fake, inject } = withRetry(
      { backoffMs: 0, tryTimeoutMs: 100 },
      { handler: ({ target }) => (target === ABC[0] ? { hang: true } : { body: 'well', delayMs: 99 }) },
    )
    const pending = inject()
    await clock.advanceAsync(99)
    expect(fake.requests).toHaveLength(1)
    await clock.advanceAsync(100)
    const reply = await pending
    expect(await reply.text()).toBe('well')
    expect(reply.exchange.attempts[0]).toMatchObject({
      phase: 'failed',
      error: { code: 'ERR_SLUICE_TRY_TIMEOUT', target: ABC[0] },
    })
    expect(clock.pending).toBe(0)
  })

  it('may take longer for its body than for its head', async () => {
    let release!: () => void
    const wait = new Promise<void>((resolve) => (release = resolve))
    const slow = (async function* () {
      yield 'slow '
      await wait
      yield 'body'
    })()
    const { clock, inject } = withRetry({ tryTimeoutMs: 100 }, { handler: () => ({ body: slow }) })
    const text = (await inject()).text()
    await clock.advanceAsync(1_000)
    release()
    expect(await text).toBe('slow body')
  })

  it('answers 504 when the last one has run out of time', async () => {
    const { clock, inject } = withRetry(
      { backoffMs: 0, maxRetries: 1, tryTimeoutMs: 100 },
      { handler: () => ({ hang: true }) },
    )
    const pending = inject()
    await clock.advanceAsync(200)
    const reply = await pending
    expect([reply.status, await codeOf(reply)]).toEqual([504, 'ERR_SLUICE_TRY_TIMEOUT'])
  })

  it('is left behind when it ignores its time, and its late reply is freed', async () => {
    let late!: (reply: Reply) => void
    let calls = 0
    const stuck = defineMiddleware('stuck', (exchange, next) =>
      ++calls > 1 ? next(exchange) : new Promise<Reply>((resolve) => (late = resolve)),
    )
    const { clock, inject } = setUp({ use: [retry({ backoffMs: 0, tryTimeoutMs: 100 }), stuck] })
    const pending = inject()
    await clock.advanceAsync(100)
    expect((await pending).status).toBe(200)
    const reply = new Reply(200, undefined, flowing('too late'))
    late(reply)
    await clock.advanceAsync(0)
    expect(reply.body.isUsed).toBe(true)
  })
})

describe('the wait', () => {
  it('is a random part of a bound that doubles, up to a maximum', async () => {
    const events = record(retried)
    const { clock, inject } = withRetry(
      { maxRetries: 5, backoffMs: 100, maxBackoffMs: 500 },
      { handler: () => ({ status: 503 }), random: () => 0.5 },
    )
    const pending = inject()
    await clock.advanceAsync(10_000)
    await pending
    expect(events.map(({ delayMs }) => delayMs)).toEqual([50, 100, 200, 250, 250])
    expect(events.map(({ tryNumber, reason }) => [tryNumber, reason])).toEqual(
      [2, 3, 4, 5, 6].map((each) => [each, '503']),
    )
  })

  it('is really waited', async () => {
    const { clock, fake, inject } = withRetry({ backoffMs: 100 }, { handler: inTurn({ status: 503 }, {}) })
    const pending = inject()
    await clock.advanceAsync(49)
    expect(fake.requests).toHaveLength(1)
    await clock.advanceAsync(1)
    expect(fake.requests).toHaveLength(2)
    await pending
  })

  it.each(['1', new Date(981_173_106_789 + 211 + 1_000).toUTCString()])('honours Retry-After: %s', async (value) => {
    const headers = { 'Retry-After': value }
    const { clock, fake, inject } = withRetry(
      { backoffMs: 0, maxRetryAfterMs: 1_500 },
      { handler: inTurn({ status: 503, headers }, {}) },
    )
    const pending = inject()
    await clock.advanceAsync(999)
    expect(fake.requests).toHaveLength(1)
    await clock.advanceAsync(300)
    expect(fake.requests).toHaveLength(2)
    await pending
  })

  it('is not made for a Retry-After that is too long: the reply goes to the client', async () => {
    const { fake, inject } = withRetry(NO_WAIT, {
      handler: () => ({ status: 503, headers: { 'Retry-After': '2' }, body: 'later' }),
    })
    const reply = await inject()
    expect([reply.headers.get('retry-after'), await reply.text()]).toEqual(['2', 'later'])
    expect(fake.requests).toHaveLength(1)
  })

  it('takes no notice of a Retry-After that can not be read', async () => {
    const { inject } = withRetry(NO_WAIT, { handler: inTurn({ status: 503, headers: { 'Retry-After': 'soon' } }, {}) })
    expect((await inject()).status).toBe(200)
  })

  it('never goes beyond the deadline', async () => {
    const late = defineMiddleware('late', (exchange, next) => {
      exchange.expireAt(exchange.startedAt + 50)
      return next(exchange)
    })
    const { fake, inject } = setUp({ use: [late, retry({ backoffMs: 100 })], handler: () => ({ status: 503 }) })
    // Half of 100 ms would be too late by nothing at all.
    expect((await inject()).status).toBe(503)
    expect(fake.requests).toHaveLength(1)
  })

  it('ends when the client leaves, and nothing more is sent', async () => {
    let tries = 0
    const count = defineMiddleware('count', (exchange, next) => {
      tries++
      return next(exchange)
    })
    const { clock, exchanges, fake, inject, proxy } = setUp({
      use: [retry({ backoffMs: 1_000, maxBackoffMs: 1_000 }), count],
      handler: () => ({ status: 503 }),
    })
    const pending = inject()
    await clock.advanceAsync(100)
    exchanges[0]!.abort()
    expect((await pending).status).toBe(499)
    expect([clock.pending, proxy.inFlight]).toEqual([0, 0])
    await clock.advanceAsync(10_000)
    expect([fake.requests.length, tries]).toEqual([1, 1])
  })

  it('is not begun when the client has left during the try', async () => {
    const { clock, exchanges, fake, inject } = withRetry(NO_WAIT, { handler: () => ({ hang: true }) })
    const pending = inject()
    await clock.advanceAsync(10)
    exchanges[0]!.abort()
    expect((await pending).status).toBe(499)
    expect(fake.requests).toHaveLength(1)
  })
})

describe('the budget', () => {
  const spent = { ratio: 0, minRetries: 1, perSecond: 0 }

  it('bounds the retries of all exchanges together', async () => {
    const refused = record(retryRefused)
    const { fake, inject } = withRetry({ backoffMs: 0, budget: spent }, { handler: () => ({ status: 503 }) })
    await inject()
    await inject()
    expect(fake.requests).toHaveLength(3)
    expect(refused.map(({ reason }) => reason)).toEqual(['503', '503'])
  })

  it('can be shared', async () => {
    const budget = new RetryBudget(spent)
    const handler = () => ({ status: 503 })
    const first = withRetry({ backoffMs: 0, budget }, { handler })
    const second = withRetry({ backoffMs: 0, budget }, { handler })
    await first.inject()
    await second.inject()
    expect([first.fake.requests.length, second.fake.requests.length]).toEqual([2, 1])
  })

  it('is that of connections that forward tries elsewhere, too', async () => {
    const { fake, inject } = withRetry({ backoffMs: 0, budget: { ratio: 0, minRetries: 0, perSecond: 0 } })
    fake.refusing.add(ABC[0]!)
    const reply = await inject()
    expect([reply.status, reply.exchange.attempts.length]).toEqual([502, 1])
  })
})

describe('options', () => {
  it.each<[path: string, options: unknown]>([
    ['retry.maxRetries', { maxRetries: -1 }],
    ['retry.maxRetries', { maxRetries: 1.5 }],
    ['retry.statuses[0]', { statuses: [42] }],
    ['retry.stages', { stages: 'connect' }],
    ['retry.methods', { methods: ['get'] }],
    ['retry.maxBodyBytes', { maxBodyBytes: Number.NaN }],
    ['retry.tryTimeoutMs', { tryTimeoutMs: -1 }],
    ['retry.backoffMs', { backoffMs: Number.POSITIVE_INFINITY }],
    ['retry.maxBackoffMs', { backoffMs: 300, maxBackoffMs: 200 }],
    ['retry.maxRetryAfterMs', { maxRetryAfterMs: '1' }],
    ['retry.budget.ratio', { budget: { ratio: -1 } }],
  ])('%s is refused', (path, options) => {
    const build = () => retry(options as RetryOptions)
    expect(build).toThrow(ConfigError)
    expect(build).toThrow(expect.objectContaining({ path }))
  })

  it('has a name for explain()', () => {
    expect(retry().name).toBe('retry')
  })
})
