import { ConfigError } from '@sluice/core'
import { describe, expect, it } from 'vitest'
import { deadline, type DeadlineOptions, retry, sendDeadline, type SendDeadlineOptions } from '../../src/index.ts'
import { formatTimeout, parseTimeout } from '../../src/middlewares/timeout-field.ts'
import { codeOf, setUp, type SetUp } from './set-up.ts'

const TRUSTED: DeadlineOptions = { header: 'X-Timeout-Ms', acceptFrom: 'anyone' }

function withDeadline(options: DeadlineOptions, more: Partial<SetUp> = {}) {
  return setUp({ use: [deadline(options)], handler: () => ({ hang: true }), ...more })
}

/** After how many milliseconds the answer came; it has to say that there was no more time. */
async function timeUntilReply(set: ReturnType<typeof withDeadline>, headers: Record<string, string> = {}) {
  const startedAt = set.clock.now()
  let endedAt: number | undefined
  const pending = set.inject({ headers }).then((reply) => {
    endedAt = set.clock.now()
    return reply
  })
  await set.clock.advanceAsync(100_000)
  expect(await codeOf(await pending)).toBe('ERR_SLUICE_DEADLINE_EXCEEDED')
  return endedAt! - startedAt
}

describe('a deadline', () => {
  it('answers 504 when it has passed, and cancels what is under way', async () => {
    const set = withDeadline({ timeoutMs: 1_000 })
    expect(await timeUntilReply(set)).toBe(1_000)
    expect(set.fake.requests[0]!.aborted).toBe(true)
    expect([set.clock.pending, set.proxy.inFlight]).toEqual([0, 0])
  })

  it('counts over tries and the waits between them', async () => {
    const set = setUp({
      use: [deadline({ timeoutMs: 1_000 }), retry({ tryTimeoutMs: 400, backoffMs: 0, maxRetries: 9 })],
      handler: () => ({ hang: true }),
    })
    expect(await timeUntilReply(set)).toBe(1_000)
    expect(set.fake.requests).toHaveLength(3)
  })

  it('is for the body as well', async () => {
    const endless = (async function* () {
      yield 'some'
      await new Promise(() => {})
    })()
    const { clock, inject } = withDeadline({ timeoutMs: 1_000 }, { handler: () => ({ body: endless }) })
    const text = (await inject()).text()
    const failed = expect(text).rejects.toMatchObject({ code: 'ERR_SLUICE_DEADLINE_EXCEEDED' })
    await clock.advanceAsync(1_000)
    await failed
  })

  it('is lifted from an event stream once its head is there', async () => {
    let release!: () => void
    const wait = new Promise<void>((resolve) => (release = resolve))
    const events = (async function* () {
      yield 'data: 1\n\n'
      await wait
      yield 'data: 2\n\n'
    })()
    const { clock, inject } = withDeadline(
      { timeoutMs: 1_000 },
      { handler: () => ({ headers: { 'Content-Type': 'Text/Event-Stream; charset=utf-8' }, body: events }) },
    )
    const text = (await inject()).text()
    await clock.advanceAsync(5_000)
    release()
    expect(await text).toBe('data: 1\n\ndata: 2\n\n')
  })

  it('is gone with the exchange', async () => {
    const { clock, inject } = withDeadline({ timeoutMs: 1_000 }, { handler: () => ({ body: 'quick' }) })
    expect(await (await inject()).text()).toBe('quick')
    expect(clock.pending).toBe(0)
  })
})

describe('a deadline from a request field', () => {
  it('is taken where it is shorter', async () => {
    expect(await timeUntilReply(withDeadline({ ...TRUSTED, timeoutMs: 1_000 }), { 'X-Timeout-Ms': '250' })).toBe(250)
    expect(await timeUntilReply(withDeadline({ ...TRUSTED, timeoutMs: 1_000 }), { 'X-Timeout-Ms': '2500' })).toBe(1_000)
  })

  it('is bounded where there is no other', async () => {
    expect(await timeUntilReply(withDeadline({ ...TRUSTED, maxTimeoutMs: 2_000 }), { 'X-Timeout-Ms': '9999' })).toBe(
      2_000,
    )
  })

  it('is over at once where none is left, and nothing is sent', async () => {
    const set = withDeadline(TRUSTED)
    expect(await timeUntilReply(set, { 'X-Timeout-Ms': '0' })).toBe(0)
    expect(set.fake.requests).toHaveLength(0)
  })

  it('may be written as gRPC does', async () => {
    const set = withDeadline({ header: 'grpc-timeout', acceptFrom: 'anyone' })
    expect(await timeUntilReply(set, { 'grpc-timeout': '3S' })).toBe(3_000)
  })

  it('is believed from those alone who are accepted', async () => {
    const options: DeadlineOptions = {
      timeoutMs: 1_000,
      header: 'X-Timeout-Ms',
      acceptFrom: (exchange) => exchange.request.headers.get('x-who') === 'friend',
    }
    const friend = withDeadline(options)
    expect(await timeUntilReply(friend, { 'X-Timeout-Ms': '250', 'X-Who': 'friend' })).toBe(250)
    expect(friend.fake.requests[0]!.header('x-timeout-ms')).toBe('250')
    const stranger = withDeadline(options)
    expect(await timeUntilReply(stranger, { 'X-Timeout-Ms': '250' })).toBe(1_000)
    expect(stranger.fake.requests[0]!.header('x-timeout-ms')).toBeUndefined()
  })

  it('is removed where it can not be read', async () => {
    const set = withDeadline({ ...TRUSTED, timeoutMs: 1_000 })
    expect(await timeUntilReply(set, { 'X-Timeout-Ms': 'soon' })).toBe(1_000)
    expect(set.fake.requests[0]!.header('x-timeout-ms')).toBeUndefined()
  })
})

describe('sendDeadline', () => {
  const sent = async (options: SendDeadlineOptions, headers: Record<string, string> = {}, timeoutMs = 1_000) => {
    const set = setUp({
      use: timeoutMs === 0 ? [] : [deadline({ timeoutMs }), retry({ backoffMs: 0, tryTimeoutMs: 400 })],
      handler: () => (timeoutMs === 0 ? {} : { hang: true }),
      forward: { edits: [sendDeadline(options)] },
    })
    const pending = set.inject({ headers })
    await set.clock.advanceAsync(10_000)
    await pending
    return set.fake.requests.map((each) => each.header(options.header))
  }

  it('tells each attempt what is left, less the reserve', async () => {
    expect(await sent({ header: 'X-Timeout-Ms' })).toEqual(['1000', '600', '200'])
    expect(await sent({ header: 'X-Timeout-Ms', reserveMs: 250 })).toEqual(['750', '350', '1'])
  })

  it('writes it as gRPC does', async () => {
    expect(await sent({ header: 'grpc-timeout' })).toEqual(['1000m', '600m', '200m'])
    expect(await sent({ header: 'X-T', format: 'grpc' })).toEqual(['1000m', '600m', '200m'])
  })

  it('removes what a client has written, where there is no deadline', async () => {
    expect(await sent({ header: 'X-Timeout-Ms' }, { 'X-Timeout-Ms': '7' }, 0)).toEqual([undefined])
  })

  it('replaces what a client has written', async () => {
    expect(await sent({ header: 'X-Timeout-Ms' }, { 'X-Timeout-Ms': '7' })).toEqual(['1000', '600', '200'])
  })
})

describe('the field', () => {
  it.each([
    ['250', 'ms', 250],
    ['0', 'ms', 0],
    ['-1', 'ms', undefined],
    ['1.5', 'ms', undefined],
    ['99999999999', 'ms', undefined],
    ['', 'ms', undefined],
    ['2H', 'grpc', 7_200_000],
    ['2M', 'grpc', 120_000],
    ['2S', 'grpc', 2_000],
    ['2m', 'grpc', 2],
    ['2000u', 'grpc', 2],
    ['2000000n', 'grpc', 2],
    ['123456789m', 'grpc', undefined],
    ['2h', 'grpc', undefined],
    ['m', 'grpc', undefined],
  ] as const)('%j as %s is %s', (text, format, expected) => {
    expect(parseTimeout(text, format)).toBe(expected)
  })

  it.each([
    [0.4, 'ms', '1'],
    [-5, 'ms', '1'],
    [1_500.9, 'ms', '1500'],
    [99_999_999, 'grpc', '99999999m'],
    [100_000_000, 'grpc', '100000S'],
  ] as const)('%d is written as %s', (timeoutMs, format, expected) => {
    expect(formatTimeout(timeoutMs, format)).toBe(expected)
  })
})

describe('options', () => {
  it.each<[path: string, options: unknown]>([
    ['deadline', {}],
    ['deadline.timeoutMs', { timeoutMs: -1 }],
    ['deadline.header', { header: 'a b' }],
    ['deadline.acceptFrom', { header: 'a' }],
    ['deadline.acceptFrom', { header: 'a', acceptFrom: 'friends' }],
    ['deadline.format', { ...TRUSTED, format: 's' }],
    ['deadline.maxTimeoutMs', { ...TRUSTED, maxTimeoutMs: -1 }],
  ])('%s is refused', (path, options) => {
    const build = () => deadline(options as DeadlineOptions)
    expect(build).toThrow(ConfigError)
    expect(build).toThrow(expect.objectContaining({ path }))
  })

  it.each<[path: string, options: unknown]>([
    ['sendDeadline.header', { header: '' }],
    ['sendDeadline.format', { header: 'a', format: 's' }],
    ['sendDeadline.reserveMs', { header: 'a', reserveMs: -1 }],
  ])('%s is refused', (path, options) => {
    const build = () => sendDeadline(options as SendDeadlineOptions)
    expect(build).toThrow(ConfigError)
    expect(build).toThrow(expect.objectContaining({ path }))
  })
})
