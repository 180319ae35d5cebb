import { createProxy, Reply } from '@sluice/core'
import { Body, HeaderList, type BodyFlow, type BodySink, type BodySource } from '@sluice/wire'
import { describe, expect, it } from 'vitest'
import {
  createPluginHarness,
  plugin,
  type HarnessManifest,
  type HarnessReply,
  type HarnessRequest,
  type HarnessRun,
} from '../../src/index.ts'
import { guest, hook } from '../guest.ts'

interface Case {
  readonly code: string
  readonly texts?: Readonly<Record<string, string>>
  readonly manifest?: HarnessManifest
  readonly request?: HarnessRequest
  readonly reply?: HarnessReply
}

async function run({ code, texts = {}, manifest, request, reply }: Case): Promise<HarnessRun> {
  const harness = await createPluginHarness(guest({ texts, code, pages: 4 }), manifest)
  try {
    return await harness.run({
      ...(request === undefined ? {} : { request }),
      ...(reply === undefined ? {} : { reply }),
    })
  } finally {
    await harness.close()
  }
}

/** Reads the body at hand into the buffer and writes it back in upper case. */
const SHOUT = (kind: number) => `
  (local $i i32) (local $n i32)
  (local.set $n (call $get_body (i32.const ${kind}) (i32.const 0) {buf} (i32.const 100000)))
  (if (i32.ne (local.get $n) (local.get $a)) (then (unreachable)))
  (block $done (loop $next
    (br_if $done (i32.ge_u (local.get $i) (local.get $n)))
    (if (i32.and
          (i32.ge_u (i32.load8_u (i32.add {buf} (local.get $i))) (i32.const 97))
          (i32.le_u (i32.load8_u (i32.add {buf} (local.get $i))) (i32.const 122)))
      (then (i32.store8 (i32.add {buf} (local.get $i))
        (i32.sub (i32.load8_u (i32.add {buf} (local.get $i))) (i32.const 32)))))
    (local.set $i (i32.add (local.get $i) (i32.const 1)))
    (br $next)))
  (drop (call $set_body (i32.const ${kind}) {buf} (local.get $n)))`

const BUFFERED = { capabilities: { requestBody: 'buffer', replyBody: 'buffer' } } as const
const STREAMED = { capabilities: { requestBody: 'stream', replyBody: 'stream' } } as const

/** A body that comes chunk by chunk. */
function chunked(...chunks: string[]): Body {
  return Body.from({
    start(sink) {
      for (const chunk of chunks) sink.write(Buffer.from(chunk))
      sink.end()
    },
    resume() {},
    cancel() {},
  })
}

describe('a whole body', () => {
  it('of a request is read and replaced', async () => {
    const { forwarded } = await run({
      code: hook('on_request_body', SHOUT(0)),
      manifest: BUFFERED,
      request: { method: 'POST', body: chunked('hello, ', 'world') },
    })
    expect(forwarded?.body).toBe('HELLO, WORLD')
  })

  it('of a reply is read and replaced, and what was said of its bytes is withdrawn', async () => {
    const { reply } = await run({
      code: hook('on_response_body', SHOUT(1)),
      manifest: BUFFERED,
      reply: {
        body: 'quiet',
        headers: { ETag: '"1"', 'Content-Digest': 'sha-256=:abc:', 'Content-Type': 'text/plain' },
      },
    })
    expect(reply.body).toBe('QUIET')
    expect(reply.headers.get('content-length')).toBe('5')
    expect(reply.headers.get('etag')).toBe('W/"1"')
    expect(reply.headers.has('content-digest')).toBe(false)
    expect(reply.headers.get('content-type')).toBe('text/plain')
  })

  it('that is only looked at stays as it is, trailers included', async () => {
    const source: BodySource = {
      start(sink) {
        sink.write(Buffer.from('same'))
        sink.end(new HeaderList({ 'x-checksum': '1' }))
      },
      resume() {},
      cancel() {},
    }
    const { reply } = await run({
      code: hook('on_response_body', '(drop (call $get_body (i32.const 1) (i32.const 0) {buf} (i32.const 99)))'),
      manifest: BUFFERED,
      reply: { body: Body.from(source), headers: { ETag: '"1"' } },
    })
    expect(reply.body).toBe('same')
    expect(reply.headers.get('etag')).toBe('"1"')
  })

  it('is read from where the guest wants', async () => {
    const { reply } = await run({
      code: hook(
        'on_response_body',
        `(if (i32.ne (call $get_body (i32.const 1) (i32.const 2) {buf} (i32.const 3)) (i32.const 3)) (then (unreachable)))
         (if (i32.ne (call $get_body (i32.const 1) (i32.const 99) (i32.const 0) (i32.const 3)) (i32.const 0)) (then (unreachable)))
         (drop (call $set_body (i32.const 1) {buf} (i32.const 3)))`,
      ),
      manifest: BUFFERED,
      reply: { body: 'abcdefg' },
    })
    expect(reply.body).toBe('cde')
  })

  it('lets the head be edited with it in view', async () => {
    const { requestDelta } = await run({
      texts: { name: 'x-seen' },
      code: hook('on_request_body', '(drop (call $set_header (i32.const 0) {name} {name}))'),
      manifest: { capabilities: { requestBody: 'buffer', requestHeaders: { write: ['x-*'] } } },
      request: { method: 'POST', body: 'x' },
    })
    expect(requestDelta.set).toEqual({ 'x-seen': 'x-seen' })
  })

  it('is not waited for where there is none, nor at a switch', async () => {
    const { calls } = await run({ code: hook('on_request_body', '(unreachable)'), manifest: BUFFERED })
    expect(calls).toEqual([])
  })

  it('that is longer than allowed passes by, or is refused, by the failure policy', async () => {
    const capabilities = { requestBody: { buffer: 4 }, replyBody: { buffer: 4 } }
    const code = hook('on_request_body', '(unreachable)') + hook('on_response_body', '(unreachable)')
    const long = () => chunked('abc', 'def', 'ghi')
    const open = await run({
      code,
      manifest: { capabilities, failure: 'open' },
      request: { method: 'POST', body: long() },
    })
    expect(open.forwarded?.body).toBe('abcdefghi')
    const openReply = await run({ code, manifest: { capabilities, failure: 'open' }, reply: { body: long() } })
    expect(openReply.reply).toMatchObject({ status: 200, body: 'abcdefghi' })
    const closed = await run({ code, manifest: { capabilities }, request: { method: 'POST', body: long() } })
    expect(closed.reply.status).toBe(413)
    const closedReply = await run({ code, manifest: { capabilities }, reply: { body: long() } })
    expect(closedReply.reply.status).toBe(500)
    expect(JSON.parse(closedReply.reply.body)).toMatchObject({ code: 'ERR_SLUICE_PLUGIN_LIMIT' })
    for (const { calls } of [open, openReply, closed, closedReply]) expect(calls).toEqual([])
  })

  it('is neither read nor written without a grant', async () => {
    const code = hook(
      'on_request_head',
      `(if (i32.ne (call $get_body (i32.const 0) (i32.const 0) {buf} (i32.const 9)) (i32.const -2)) (then (unreachable)))
       (if (i32.ne (call $set_body (i32.const 1) {buf} (i32.const 9)) (i32.const -2)) (then (unreachable)))`,
    )
    expect((await run({ code })).faults).toEqual([])
  })

  it('is replaced from the head, unread', async () => {
    const { forwarded } = await run({
      texts: { body: 'other' },
      code: hook('on_request_head', '(drop (call $set_body (i32.const 0) {body}))'),
      manifest: BUFFERED,
      request: { method: 'POST', body: 'first' },
    })
    expect(forwarded?.body).toBe('other')
  })

  it('with more than may be written is a fault', async () => {
    const { faults, reply } = await run({
      code: hook('on_response_body', '(drop (call $set_body (i32.const 1) {buf} (i32.const 11)))'),
      manifest: { ...BUFFERED, limits: { outputBytes: 10 }, failure: 'open' },
      reply: { body: 'kept' },
    })
    expect(faults[0]?.code).toBe('ERR_SLUICE_PLUGIN_LIMIT')
    expect(reply.body).toBe('kept')
  })
})

describe('a body chunk by chunk', () => {
  it('goes through the plugin either way', async () => {
    const code = hook('on_request_body', SHOUT(0)) + hook('on_response_body', SHOUT(1))
    const { forwarded, reply, calls } = await run({
      code,
      manifest: STREAMED,
      request: { method: 'POST', body: chunked('ab', 'cd') },
      reply: { body: chunked('ef', 'gh', 'ij') },
    })
    expect(forwarded?.body).toBe('ABCD')
    expect(reply.body).toBe('EFGHIJ')
    // One more at each end.
    expect(calls.map(({ hook }) => hook)).toEqual([
      ...Array.from({ length: 3 }, () => 'on_request_body'),
      ...Array.from({ length: 4 }, () => 'on_response_body'),
    ])
  })

  it('can be added to at its end, and a chunk can be dropped', async () => {
    const { reply } = await run({
      texts: { tail: '!' },
      code: hook(
        'on_response_body',
        `(if (local.get $b)
          (then (drop (call $set_body (i32.const 1) {tail})))
          (else (if (i32.eq (local.get $a) (i32.const 1)) (then (drop (call $set_body (i32.const 1) {buf} (i32.const 0)))))))`,
      ),
      manifest: STREAMED,
      reply: { body: chunked('keep', 'x', 'too') },
    })
    expect(reply.body).toBe('keeptoo!')
    expect(reply.headers.has('content-length')).toBe(false)
  })

  it('has its head on its way: nothing of it is written, and no other reply given', async () => {
    const { faults, reply } = await run({
      texts: { name: 'x-late' },
      code: hook(
        'on_response_body',
        `(if (i32.ne (call $set_header (i32.const 1) {name} {name}) (i32.const -3)) (then (unreachable)))
         (if (i32.ne (call $respond (i32.const 500) {buf} (i32.const 0) {buf} (i32.const 0)) (i32.const -3)) (then (unreachable)))`,
      ),
      manifest: { capabilities: { replyBody: 'stream', replyHeaders: { write: ['*'] }, respond: true } },
      reply: { body: 'x' },
    })
    expect(faults).toEqual([])
    expect(reply.headers.has('x-late')).toBe(false)
  })

  it('passes the plugin by after SKIP', async () => {
    const { reply, calls } = await run({
      code: hook('on_response_body', '(drop (call $set_body (i32.const 1) {buf} (i32.const 0)))', 3),
      manifest: STREAMED,
      reply: { body: chunked('gone', 'stays') },
    })
    expect(reply.body).toBe('stays')
    expect(calls).toHaveLength(1)
  })

  it('goes on as it is after a fault with failure: open', async () => {
    const { reply, faults } = await run({
      code: hook(
        'on_response_body',
        '(if (i32.eq (local.get $a) (i32.const 2)) (then (drop (call $set_body (i32.const 1) {buf} (i32.const 1))) (unreachable)))',
      ),
      manifest: { ...STREAMED, failure: 'open' },
      reply: { body: chunked('one', 'ab', 'three') },
    })
    expect(reply.body).toBe('oneabthree')
    expect(faults).toHaveLength(1)
  })

  it('breaks off after a fault with failure: closed', async () => {
    const code = hook('on_response_body', '(unreachable)')
    await expect(run({ code, manifest: STREAMED, reply: { body: chunked('one') } })).rejects.toMatchObject({
      code: 'ERR_SLUICE_PLUGIN_TRAP',
    })
    const request = hook('on_request_body', '(unreachable)')
    const { reply } = await run({
      code: request,
      manifest: STREAMED,
      request: { method: 'POST', body: chunked('one') },
    })
    expect(JSON.parse(reply.body)).toMatchObject({ code: 'ERR_SLUICE_PLUGIN_TRAP' })
  })

  it('passes on how much its reader takes, and that it wants no more', async () => {
    const log: string[] = []
    let sink!: BodySink
    const source: BodySource = {
      start: (reader) => void (sink = reader),
      resume: () => log.push('resume'),
      cancel: ({ message }) => log.push(`cancel ${message}`),
    }
    const middleware = plugin({
      name: 'shout',
      abi: 'sluice:v1',
      source: { bytes: guest({ code: hook('on_response_body', SHOUT(1)), pages: 4 }) },
      ...STREAMED,
    })
    const proxy = createProxy()
      .use(middleware)
      .handle(() => new Reply(200, new HeaderList(), Body.from(source)))
    const { body } = await proxy.inject()
    let flow!: BodyFlow
    const taken: string[] = []
    let hasRoom = true
    body.pipe({
      begin: (given) => void (flow = given),
      write: (chunk) => {
        taken.push(String(chunk))
        return hasRoom
      },
      end() {},
      abort() {},
    })
    expect(sink.write(Buffer.from('a'))).toBe(true)
    hasRoom = false
    expect(sink.write(Buffer.from('b'))).toBe(false)
    flow.resume()
    expect(log).toEqual(['resume'])
    flow.cancel(new Error('enough'))
    expect(log).toEqual(['resume', 'cancel enough'])
    expect(taken).toEqual(['A', 'B'])
    // What comes all the same is not handed to the plugin any more.
    sink.write(Buffer.from('c'))
    expect(taken).toEqual(['A', 'B'])
    await middleware.close()
  })
})
