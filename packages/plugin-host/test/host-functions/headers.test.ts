import { describe, expect, it } from 'vitest'
import { createPluginHarness, type HarnessManifest, type HarnessRun, type HarnessRequest } from '../../src/index.ts'
import { form, guest, hook } from '../guest.ts'

const ALL = { requestHeaders: { read: ['*'], write: ['*'] }, replyHeaders: { read: ['*'], write: ['*'] } }

interface Case {
  readonly texts?: Readonly<Record<string, string>>
  readonly request?: string
  readonly reply?: string
  readonly headers?: HarnessRequest['headers']
  readonly replyHeaders?: HarnessRequest['headers']
  readonly manifest?: HarnessManifest
}

/** Runs instructions in the head hooks. */
async function run({ texts = {}, request, reply, headers, replyHeaders, manifest }: Case): Promise<HarnessRun> {
  const code = [
    request === undefined ? '' : hook('on_request_head', request),
    reply === undefined ? '' : hook('on_response_head', reply),
  ].join('\n')
  const harness = await createPluginHarness(guest({ texts, code }), { capabilities: ALL, ...manifest })
  try {
    return await harness.run({
      ...(headers === undefined ? {} : { request: { headers } }),
      ...(replyHeaders === undefined ? {} : { reply: { headers: replyHeaders } }),
    })
  } finally {
    await harness.close()
  }
}

/** Instructions that put a result into a field, as a decimal digit behind a sign. */
const note = (name: string, value: string) => `(drop (call $note {${name}} ${value}))`
/** What {@link note} calls: writes the number as text of two characters. */
const NOTE = `(func $note (param $name i32) (param $length i32) (param $value i32) (result i32)
  (i32.store8 (i32.const 60000) (select (i32.const 45) (i32.const 43) (i32.lt_s (local.get $value) (i32.const 0))))
  (i32.store8 (i32.const 60001) (i32.add (i32.const 48)
    (select (i32.sub (i32.const 0) (local.get $value)) (local.get $value) (i32.lt_s (local.get $value) (i32.const 0)))))
  (call $set_header (i32.const 0) (local.get $name) (local.get $length) (i32.const 60000) (i32.const 2)))`

/** The results of calls in a request hook, by field. */
async function results(calls: Readonly<Record<string, string>>, given: Case = {}): Promise<Record<string, unknown>> {
  const names = Object.fromEntries(Object.keys(calls).map((name) => [name, `r-${name.toLowerCase()}`]))
  const code = Object.entries(calls).map(([name, call]) => note(name, call))
  const bytes = guest({
    texts: { ...given.texts, ...names },
    code: `${NOTE} ${hook('on_request_head', code.join('\n'))}`,
  })
  const harness = await createPluginHarness(bytes, { capabilities: ALL, ...given.manifest })
  const { requestDelta, faults } = await harness.run(
    given.headers === undefined ? {} : { request: { headers: given.headers } },
  )
  await harness.close()
  expect(faults).toEqual([])
  return Object.fromEntries(Object.entries(names).map(([name, field]) => [name, Number(requestDelta.set[field])]))
}

const copy = (from: string, to: string, kind = 0) =>
  `(drop (call $set_header (i32.const ${kind}) {${to}} {buf} (call $get_header (i32.const ${kind}) {${from}} {buf} (i32.const 999))))`

describe('fields of the request', () => {
  it('are read, whatever their case, and joined where there are several', async () => {
    const { requestDelta } = await run({
      texts: { a: 'X-LIST', b: 'x-copy', c: 'Cookie', d: 'x-cookies' },
      request: copy('a', 'b') + copy('c', 'd'),
      headers: [
        ['x-list', 'one'],
        ['X-List', 'two'],
        ['cookie', 'a=1'],
        ['cookie', 'b=2'],
      ],
    })
    expect(requestDelta.set).toEqual({ 'x-copy': 'one, two', 'x-cookies': 'a=1; b=2' })
  })

  it('keep every byte of theirs', async () => {
    const value = String.fromCharCode(...Array.from({ length: 128 }, (_, i) => i + 128)) + 'x'.repeat(60)
    const { requestDelta } = await run({
      texts: { a: 'x-in', b: 'x-out' },
      request: copy('a', 'b'),
      headers: { 'x-in': value },
    })
    expect(requestDelta.set).toEqual({ 'x-out': value })
  })

  it('are set, added and removed', async () => {
    const { requestDelta, forwarded } = await run({
      texts: { a: 'x-a', b: 'X-B', c: 'x-c', v: 'new' },
      request: `(drop (call $set_header (i32.const 0) {a} {v}))
        (drop (call $add_header (i32.const 0) {b} {v}))
        (drop (call $remove_header (i32.const 0) {c}))`,
      headers: [
        ['x-a', '1'],
        ['x-a', '2'],
        ['x-b', 'old'],
        ['x-c', '3'],
      ],
    })
    expect(requestDelta).toEqual({ set: { 'x-a': 'new', 'x-b': ['old', 'new'] }, removed: ['x-c'] })
    expect(forwarded?.headers.raw()).toContain('X-B')
  })

  it('are read as they were written a moment ago', async () => {
    const { requestDelta } = await run({
      texts: { a: 'x-a', b: 'x-b', v: 'value' },
      request: `(drop (call $set_header (i32.const 0) {a} {v})) ${copy('a', 'b')}`,
    })
    expect(requestDelta.set).toEqual({ 'x-a': 'value', 'x-b': 'value' })
  })

  it('give the results that the interface names', async () => {
    const found = await results(
      {
        Length: '(call $get_header (i32.const 0) {known} {buf} (i32.const 9))',
        TooLong: '(call $get_header (i32.const 0) {known} {buf} (i32.const 3))',
        Asked: '(call $get_header (i32.const 0) {known} (i32.const -1) (i32.const 0))',
        Missing: '(call $get_header (i32.const 0) {unknown} {buf} (i32.const 9))',
        NotGranted: '(call $get_header (i32.const 0) {secret} {buf} (i32.const 9))',
        NotGrantedWrite: '(call $set_header (i32.const 0) {secret} {known})',
        NotGrantedRemove: '(call $remove_header (i32.const 0) {secret})',
        RemovedNone: '(call $remove_header (i32.const 0) {unknown})',
        NoKind: '(call $get_header (i32.const 2) {known} {buf} (i32.const 9))',
        NoReply: '(call $get_header (i32.const 1) {known} {buf} (i32.const 9))',
        ReplyTooEarly: '(call $set_header (i32.const 1) {known} {known})',
      },
      {
        texts: { known: 'x-known', unknown: 'x-unknown', secret: 'authorization' },
        headers: { 'x-known': 'abcde', authorization: 'x' },
        manifest: {
          capabilities: {
            requestHeaders: { read: ['x-*'], write: ['x-*', 'r-*'] },
            replyHeaders: { read: ['x-*'], write: ['x-*'] },
          },
        },
      },
    )
    expect(found).toEqual({
      Length: 5,
      TooLong: 5,
      Asked: 5,
      Missing: -1,
      NotGranted: -2,
      NotGrantedWrite: -2,
      NotGrantedRemove: -2,
      RemovedNone: -1,
      NoKind: -3,
      NoReply: -1,
      ReplyTooEarly: -3,
    })
  })

  it('come one by one, where several must not be joined', async () => {
    const { requestDelta } = await run({
      texts: { a: 'set-cookie', b: 'x-form' },
      request: `(call $get_headers (i32.const 0) {a} {buf} (i32.const 99))
        (drop)
        (drop (call $set_header (i32.const 0) {b} (i32.add {buf} (i32.const 8)) (i32.load (i32.add {buf} (i32.const 4)))))
        (drop (call $add_header (i32.const 0) {b} (i32.add {buf} (i32.const 15)) (i32.load8_u (i32.add {buf} (i32.const 11)))))`,
      headers: [
        ['set-cookie', 'a=1'],
        ['set-cookie', 'b=2, 3'],
      ],
    })
    expect(requestDelta.set).toEqual({ 'x-form': ['a=1', 'b=2, 3'] })
  })
})

describe('a name that a guest writes over', () => {
  it('is read anew', async () => {
    const { requestDelta } = await run({
      texts: { name: 'x-1', out: 'x-out' },
      request: `${copy('name', 'out')}
        (i32.store8 (i32.add {name.ptr} (i32.const 2)) (i32.const 50))
        (drop (call $add_header (i32.const 0) {out} {buf} (call $get_header (i32.const 0) {name} {buf} (i32.const 99))))`,
      headers: { 'x-1': 'one', 'x-2': 'two' },
    })
    expect(requestDelta.set).toEqual({ 'x-out': ['one', 'two'] })
  })
})

describe('whole heads', () => {
  it('come in one piece, without what may not be read', async () => {
    const expected = form('GET', '/', 2, 'host', 'localhost', 'x-a', '1')
    const { requestDelta } = await run({
      texts: { out: 'x-head' },
      // The first and the last character, where the length is as expected.
      request: `(if (i32.eq (call $get_head (i32.const 0) {buf} (i32.const 999)) (i32.const ${expected.length}))
        (then
          (i32.store8 (i32.const 60000) (i32.load8_u (i32.add {buf} (i32.const 4))))
          (i32.store8 (i32.const 60001) (i32.load8_u (i32.add {buf} (i32.const ${expected.length - 1}))))
          (drop (call $set_header (i32.const 0) {out} (i32.const 60000) (i32.const 2)))))`,
      headers: { host: 'localhost', 'X-A': '1', authorization: 'secret' },
      manifest: { capabilities: { requestHeaders: { read: ['host', 'x-*'], write: ['x-*'] } } },
    })
    expect(requestDelta.set).toEqual({ 'x-head': 'G1' })
  })

  it('of replies begin with the status', async () => {
    const { replyDelta } = await run({
      texts: { out: 'x-status' },
      reply: `(drop (call $get_head (i32.const 1) {buf} (i32.const 999)))
        (if (i32.eq (i32.load {buf}) (i32.const 200)) (then (drop (call $set_header (i32.const 1) {out} {out}))))`,
    })
    expect(replyDelta.set).toEqual({ 'x-status': 'x-status' })
  })

  it('are edited in one piece', async () => {
    const { requestDelta } = await run({
      texts: { edits: form(3, 0, 'x-a', 'one', 1, 'x-b', 'two', 2, 'x-c') },
      request: '(drop (call $edit_head (i32.const 0) {edits}))',
      headers: { 'x-a': '0', 'x-c': '0' },
    })
    expect(requestDelta).toEqual({ set: { 'x-a': 'one', 'x-b': 'two' }, removed: ['x-c'] })
  })

  it('are not edited at all where one edit is not granted', async () => {
    const found = await results(
      { Edit: '(call $edit_head (i32.const 0) {edits})' },
      {
        texts: { edits: form(2, 0, 'x-a', 'one', 2, 'authorization') },
        headers: { authorization: 'x' },
        manifest: { capabilities: { requestHeaders: { write: ['x-*', 'r-*'] } } },
      },
    )
    expect(found).toEqual({ Edit: -2 })
  })

  it.each([
    ['cut short', form(2, 0, 'x-a', 'one')],
    ['with surplus bytes', `${form(1, 2, 'x-a')}zz`],
    ['with an edit that is none', form(1, 7, 'x-a', 'one')],
    ['with a length beyond the memory', `${form(1, 0)}\xff\xff\xff\x7f`],
  ])('edited by a form %s are a fault, and stay as they were', async (_, edits) => {
    const { faults, requestDelta, reply } = await run({
      texts: { edits },
      request: '(drop (call $edit_head (i32.const 0) {edits}))',
      manifest: { failure: 'open' },
    })
    expect(faults[0]?.code).toBe('ERR_SLUICE_PLUGIN_OUTPUT')
    expect(requestDelta).toEqual({ set: {}, removed: [] })
    expect(reply.status).toBe(200)
  })
})

describe('what must not be written', () => {
  it.each([
    ['a line break in a value', 'x-a', 'a\r\nX-Evil: 1'],
    ['a line feed in a value', 'x-a', 'a\nb'],
    ['NUL in a value', 'x-a', 'a\0b'],
    ['another control character', 'x-a', 'a\x07b'],
    ['a line break in a name', 'x-a\r\nx-b', 'v'],
    ['a name that is none', 'x a', 'v'],
    ['an empty name', '', 'v'],
    ['a length', 'Content-Length', '5'],
    ['a second length in another spelling', 'CONTENT-LENGTH', '7'],
    ['a coding', 'Transfer-Encoding', 'chunked'],
    ['hop-by-hop fields', 'connection', 'x-user'],
    ['hop-by-hop fields that few know', 'Proxy-Connection', 'close'],
  ])('%s is a fault of the call, which leaves nothing behind', async (_, name, value) => {
    for (const what of ['set_header', 'add_header']) {
      const { faults, requestDelta, forwarded, reply } = await run({
        texts: { before: 'x-before', name, value },
        request: `(drop (call $set_header (i32.const 0) {before} {before}))
          (drop (call $${what} (i32.const 0) {name} {value}))`,
        headers: { 'x-kept': '1' },
        manifest: { failure: 'open' },
      })
      expect(faults.map(({ code }) => code)).toEqual(['ERR_SLUICE_PLUGIN_OUTPUT'])
      expect(requestDelta).toEqual({ set: {}, removed: [] })
      expect(forwarded?.headers.get('x-kept')).toBe('1')
      expect(reply.status).toBe(200)
    }
  })

  it('is a fault in a reply as well, and by removal', async () => {
    const setting = await run({
      texts: { n: 'Content-Length', v: '1' },
      reply: '(drop (call $set_header (i32.const 1) {n} {v}))',
    })
    expect(setting.reply.status).toBe(500)
    const removing = await run({
      texts: { n: 'content-length' },
      reply: '(drop (call $remove_header (i32.const 1) {n}))',
    })
    expect(removing.faults[0]?.code).toBe('ERR_SLUICE_PLUGIN_OUTPUT')
  })

  it('host is written where it is named', async () => {
    const written = await run({
      texts: { n: 'host', v: 'other.test' },
      request: '(drop (call $set_header (i32.const 0) {n} {v}))',
      manifest: { capabilities: { requestHeaders: { write: ['host'] } } },
    })
    expect(written.requestDelta.set).toEqual({ host: 'other.test' })
    const refused = await run({
      texts: { n: 'host', v: 'other.test' },
      request: '(drop (call $set_header (i32.const 0) {n} {v}))',
    })
    expect(refused.requestDelta.set).toEqual({})
    expect(refused.faults).toEqual([])
  })
})
