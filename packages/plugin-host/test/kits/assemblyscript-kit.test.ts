/** What the kit for AssemblyScript can beyond the others. */
import { describe, expect, test } from 'vitest'
import { OutboundError, type GrantedRequest, type OutboundReply } from '../../src/index.ts'
import { kitHarness, run } from './kit-plugin.ts'

const out = async (what: string, given?: string | readonly string[]) => (await run('as', what, given)).out

// The first may have to wait for a compiler.
describe('the kit for AssemblyScript', { timeout: 60_000 }, () => {
  test('gives each value of a field', async () => {
    expect(await out('all', ['a', 'b, c', 'x'.repeat(5_000)])).toBe(`a|b, c|${'x'.repeat(5_000)}`)
    expect(await out('all')).toBe('')
  })

  test('writes text as ISO 8859-1, and a question mark for what that does not have', async () => {
    expect(await out('wide')).toBe('é?')
  })

  test('makes several edits at once, also for a second exchange', async () => {
    const harness = await kitHarness('as')
    for (let i = 0; i < 2; i++) {
      const { requestDelta } = await harness.run({ request: { headers: { 'x-do': 'edits', 'x-in': 'x' } } })
      expect(requestDelta).toEqual({ set: { 'x-out': 'edited', 'x-more': ['1', '2'] }, removed: ['x-in'] })
    }
  })

  test('reads heads in one piece', async () => {
    const harness = await kitHarness('as')
    const { forwarded, reply } = await harness.run({
      request: { method: 'PUT', target: '/a?b', headers: { 'x-do': 'head', 'x-in': 'é' } },
      reply: { status: 404 },
    })
    expect(forwarded?.headers.get('x-out')).toBe('PUT/a?bénone')
    expect(reply.headers.get('x-status')).toBe('404')
  })

  test('reads cookies', async () => {
    const with_ = async (cookie: string) => (await run('as', 'cookie', undefined, { headers: { cookie } })).out
    expect(await with_('a=1; bb=2')).toBe('1,2')
    expect(await with_('aa=0; bb=x=y;a=3')).toBe('3,x=y')
    expect(await with_('a; bb=')).toBe('none,')
    expect(await out('cookie')).toBe('none,none')
  })

  test('reads and writes what makes up the target', async () => {
    const harness = await kitHarness('as')
    const { forwarded, reply } = await harness.run({
      request: { target: '/a/b?c=d', headers: { 'x-do': 'properties' }, address: '192.0.2.7' },
    })
    expect(forwarded?.headers.get('x-out')).toBe('GET,/a/b?c=d,/a/b,c=d,192.0.2.7')
    expect(forwarded).toMatchObject({ method: 'PUT', target: '/new?c=d&e' })
    expect(reply.status).toBe(201)
  })

  test('faults on what is not granted, and says so', async () => {
    const { faults } = await run('as', 'denied')
    expect(faults.map(({ code, message }) => [code, message])).toEqual([
      ['ERR_SLUICE_PLUGIN_TRAP', expect.stringContaining('the manifest does not grant x-secret')],
    ])
  })

  test('answers with fields, or with bytes', async () => {
    const { reply } = await run('as', 'respond')
    expect([reply.headers.get('x-a'), reply.headers.get('set-cookie')]).toEqual(['1', 'b=2'])
    expect((await run('as', 'bytes')).reply.body).toBe('')
    expect((await run('as', 'bytes', 'some')).reply.body.length).toBeGreaterThan(0)
  })

  test('skips what is left, and hands over a result', async () => {
    expect((await run('as', 'skip')).calls.map(({ hook }) => hook)).toEqual(['on_request_head'])
    expect((await run('as', 'result')).result).toEqual({ a: [1] })
  })

  test('reads bodies as text', async () => {
    const { forwarded } = await run('as', 'text', undefined, { method: 'POST', body: 'größe' })
    expect(forwarded?.body).toBe('GRÖSSE')
  })

  test('gives each cookie that a reply sets', async () => {
    const harness = await kitHarness('as')
    const { reply } = await harness.run({
      request: { headers: { 'x-do': 'cookies' } },
      reply: {
        headers: [
          ['set-cookie', 'a=1; Expires=Mon, 1 Jan'],
          ['set-cookie', 'b=2'],
        ],
      },
    })
    expect(reply.headers.get('x-cookies')).toBe('a=1; Expires=Mon, 1 Jan|b=2')
  })

  test('keeps keys and values, until there is no room', async () => {
    expect(await out('store')).toBe('none,true,ü,true,true,3,false,true,true,2.0,3.0,true,false,false')
  })

  test('has clocks and dice', async () => {
    const harness = await kitHarness('as', {}, { random: () => 0.5 })
    const { forwarded } = await harness.run({ request: { headers: { 'x-do': 'times' } } })
    expect(forwarded?.headers.get('x-out')).toMatch(/^truetrue0\.50/)
  })

  test('logs by level and measures by kind, and drops a metric too many', async () => {
    const harness = await kitHarness('as')
    const { logs, faults } = await harness.run({ request: { headers: { 'x-do': 'log' } } })
    expect(faults).toEqual([])
    expect(logs.map(({ level }) => level)).toEqual(['debug', 'info', 'warn', 'error'])
    expect(harness.snapshot().metrics).toEqual({
      c: { kind: 'counter', value: 3, count: 2 },
      g: { kind: 'gauge', value: 1.5, count: 1 },
      h: { kind: 'histogram', value: 3, count: 1 },
    })
  })

  describe('asks by HTTP', () => {
    const asking = async (url: string, answer: (request: GrantedRequest) => Promise<OutboundReply>) => {
      const harness = await kitHarness('as', {}, { http: { send: answer, close: async () => {} } })
      return await harness.run({ request: { headers: { 'x-do': 'call', 'x-in': url } } })
    }

    test('and goes on with the reply', async () => {
      let sent: GrantedRequest | undefined
      const { forwarded } = await asking('https://api.example.com/a?b', async (request) => {
        sent = request
        return { status: 201, fields: ['x-b', 'yes'], body: new Uint8Array(10_000).fill(0x61) }
      })
      expect(forwarded?.headers.get('x-out')).toBe('201yesnone10000')
      expect([sent?.method, sent?.url.href, sent?.fields]).toEqual([
        'POST',
        'https://api.example.com/a?b',
        ['x-a', '1'],
      ])
      expect(Buffer.from(sent!.body).toString()).toBe('ü')
    })

    test('and is told why there is none', async () => {
      const { forwarded } = await asking('https://api.example.com/', () => Promise.reject(new OutboundError('dns')))
      expect(forwarded?.headers.get('x-out')).toBe('error dns')
    })

    test('and faults where it may not', async () => {
      const { faults } = await asking('https://other.example/', () => Promise.reject(new Error('it was asked')))
      expect(faults[0]?.message).toContain('the manifest does not grant https://other.example/')
    })
  })

  describe('reads JSON', () => {
    test('as a tree', async () => {
      const value = {
        text: 'ü"\\\n\u0001😀',
        number: -12.5,
        flag: true,
        null: null,
        list: [1, { a: 'b' }, []],
        texts: ['x', 'y'],
      }
      // In a field it has to be plain: with escapes for all that is not.
      const plain = JSON.stringify(value).replaceAll(
        /[^ -~]/g,
        (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`,
      )
      const { logs: _, ...done } = await run('as', 'json', plain.replace('\\n', ' ').replace('\\u0001', ''))
      expect(done.out).toBe('ü"\\ ??,-12.5,-12,true,false,default,3,b,false,x+y')
    })

    test('and faults on what is none', async () => {
      expect((await run('as', 'json', '{"a":}')).faults[0]?.message).toContain('this is no JSON')
    })

    test.each([
      ['{}', '23'],
      [' [ ] ', '45'],
      ['{"a":[1,-2.5e+3,true,false,null,"x"],"b":{}}', '26488999756233'],
      ['"x"', '7'],
      ['0', '8'],
    ])('token by token: %s', async (json, tokens) => {
      expect(await out('scan', json)).toBe(tokens)
    })

    test.each([
      '',
      '{',
      '[',
      '}',
      '[1',
      '[1,',
      '[1,]',
      '[,1]',
      '[1 2]',
      '{"a"}',
      '{"a":}',
      '{"a":1,}',
      '{a:1}',
      '{1:2}',
      '[1}',
      '{"a":1]',
      '"x',
      '"x\\"',
      'tru',
      'trux',
      'nul',
      'fals',
      'falsy',
      '1 2',
      '[1]]',
      '{}{}',
      '?',
      '['.repeat(257),
    ])('and knows what is none: %s', async (json) => {
      expect(await out('scan', json)).toBe('error')
    })

    test('to a depth of 256', async () => {
      expect(await out('scan', '['.repeat(256) + ']'.repeat(256))).toBe('4'.repeat(256) + '5'.repeat(256))
    })

    test('and writes it', async () => {
      expect(await out('escape')).toBe('a\\"\\\\\\u000a\\u0001éplain')
    })
  })
})
