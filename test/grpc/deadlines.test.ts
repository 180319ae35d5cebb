/** A client's deadline is the exchange's, and the target's. */
import { Metadata, status } from '@grpc/grpc-js'
import { deadline } from '@sluice/resilience'
import { waitFor } from '@sluice/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { openScene, type Scene, type SceneOptions } from './scene.ts'
import type { WordsHandlers } from './words.ts'

let scene: Scene | undefined
afterEach(async () => await scene?.close())

async function sceneWith(options: SceneOptions): Promise<Scene> {
  return (scene = await openScene(options))
}

/** Says what is left to the target, in milliseconds. */
const sayWhatIsLeft: WordsHandlers['say'] = (call, callback) => {
  const at = call.getDeadline()
  callback(null, String(Number(at) - Date.now()))
}

describe('a deadline', () => {
  it('is told to the target, less what has passed', async () => {
    const { client } = await sceneWith({ handlers: { say: sayWhatIsLeft } })
    const { text } = await client.say('-', new Metadata(), { deadline: Date.now() + 60_000 })
    expect(Number(text)).toBeGreaterThan(30_000)
    expect(Number(text)).toBeLessThanOrEqual(60_000)
  })

  it('is not made where there is none', async () => {
    const { client } = await sceneWith({ handlers: { say: sayWhatIsLeft } })
    expect((await client.say('-', new Metadata())).text).toBe('Infinity')
  })

  it('of the proxy’s own counts where it is earlier, and only there', async () => {
    const { client } = await sceneWith({
      handlers: { say: sayWhatIsLeft },
      compose: (proxy) => proxy.use(deadline({ timeoutMs: 20_000 })),
    })
    const [own, earlier] = await Promise.all([
      client.say('-', new Metadata(), { deadline: Date.now() + 60_000 }),
      client.say('-', new Metadata(), { deadline: Date.now() + 10_000 }),
    ])
    expect(Number(own.text)).toBeGreaterThan(10_000)
    expect(Number(own.text)).toBeLessThanOrEqual(20_000)
    expect(Number(earlier.text)).toBeLessThanOrEqual(10_000)
  })

  it('that passes ends the call at both sides, before its head and behind it', async () => {
    let cancelled = 0
    const { client, upstream } = await sceneWith({
      handlers: {
        say: (call) => void call.on('cancelled', () => cancelled++),
        split: (call) => {
          call.on('cancelled', () => cancelled++)
          call.write('begun')
        },
      },
      compose: (proxy) => proxy.use(deadline({ timeoutMs: 100 })),
    })
    expect((await client.say('-', new Metadata())).error?.code).toBe(status.DEADLINE_EXCEEDED)
    const call = client.split('-', new Metadata())
    const heard: string[] = []
    const code = new Promise((resolve) => call.on('error', (each: { code?: number }) => resolve(each.code)))
    call.on('data', (word: string) => heard.push(word))
    expect(await code).toBe(status.DEADLINE_EXCEEDED)
    expect(heard).toEqual(['begun'])
    await waitFor(() => cancelled === 2 && upstream.active === 0)
  })

  it('that passes in the proxy is told as one', async () => {
    const { client } = await sceneWith({
      compose: (proxy) =>
        proxy
          .use(deadline({ timeoutMs: 50 }))
          .route({ path: '/words.Words/Say' }, (route) =>
            route.handle(async ({ signal }) => await whenAborted(signal)),
          ),
    })
    const { error } = await client.say('-', new Metadata())
    expect([error?.code, error?.details]).toEqual([
      status.DEADLINE_EXCEEDED,
      'The request was not answered before its deadline. (ERR_SLUICE_DEADLINE_EXCEEDED)',
    ])
  })

  it('that has passed when the request comes is not waited for', async () => {
    const { proxy, upstream } = await sceneWith({ handlers: { say: () => {} } })
    const headers = { 'Content-Type': 'application/grpc', 'grpc-timeout': '0n', TE: 'trailers' }
    const reply = await proxy.inject({ method: 'POST', path: '/words.Words/Say', headers, body: 'x' })
    expect([reply.status, reply.headers.get('grpc-status')]).toEqual([200, String(status.DEADLINE_EXCEEDED)])
    expect(upstream.active).toBe(0)
  })

  it('in words that are none does not count, and is not passed on', async () => {
    let seen: string | undefined
    const { proxy } = await sceneWith({
      forward: { edits: [(head) => void (seen = head.headers.get('grpc-timeout') ?? 'none')] },
    })
    const headers = { 'Content-Type': 'application/grpc', 'grpc-timeout': 'soon', TE: 'trailers' }
    await proxy.inject({ method: 'POST', path: '/words.Words/Say', headers, body: Buffer.from([0, 0, 0, 0, 1, 65]) })
    expect(seen).toBe('none')
  })
})

async function whenAborted(signal: AbortSignal): Promise<never> {
  return await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
}
