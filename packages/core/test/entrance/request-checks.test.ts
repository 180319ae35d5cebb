import { HeaderList, type HeaderListInit } from '@sluice/wire'
import { describe, expect, it } from 'vitest'
import { checkHead, dropUnderscoreFields } from '../../src/entrance/request-checks.ts'
import { ReceivedRequest } from '../../src/exchange-request.ts'
import { DownstreamError } from '../../src/index.ts'

interface Head {
  readonly method?: string
  readonly target?: string
  readonly headers?: HeaderListInit
  readonly version?: string
}

const HOST = { Host: 'a.test' }

function check({ method = 'GET', target = '/', headers = HOST, version = '1.1' }: Head) {
  return checkHead(new ReceivedRequest(method, target, HeaderList.received(flat(headers)), version), 100)
}

/** As a parser delivers them: unchecked. */
function flat(init: HeaderListInit): string[] {
  return Array.isArray(init)
    ? (init as string[][]).flat()
    : Object.entries(init).flatMap(([name, value]) => [value].flat().flatMap((each) => [name, String(each)]))
}

function codeOf(head: Head): string {
  try {
    check(head)
  } catch (error) {
    expect(error).toBeInstanceOf(DownstreamError)
    return (error as DownstreamError).code.replace('ERR_SLUICE_', '')
  }
  return 'passed'
}

describe('checkHead', () => {
  it.each<[why: string, head: Head, code: string]>([
    ['an empty method', { method: '' }, 'BAD_REQUEST'],
    ['a method that is no token', { method: 'GE T' }, 'BAD_REQUEST'],
    ['CONNECT', { method: 'CONNECT', target: 'a.test:443' }, 'METHOD_REFUSED'],
    ['a target that is too long', { target: `/${'x'.repeat(100)}` }, 'TARGET_TOO_LONG'],
    ['an empty target', { target: '' }, 'BAD_TARGET'],
    ['* with GET', { target: '*' }, 'BAD_TARGET'],
    ['authority form', { target: 'a.test:80' }, 'BAD_TARGET'],
    ['no slash', { target: 'x' }, 'BAD_TARGET'],
    ['another origin', { target: '//evil' }, 'BAD_TARGET'],
    ['another origin for lax readers', { target: '/\\evil' }, 'BAD_TARGET'],
    ['a fragment', { target: '/a#b' }, 'BAD_TARGET'],
    ['a space', { target: '/a b' }, 'BAD_TARGET'],
    ['a control character', { target: '/a\tb' }, 'BAD_TARGET'],
    ['a line feed', { target: 'http://a.test/\nx' }, 'BAD_TARGET'],
    ['a byte beyond ASCII', { target: '/é' }, 'BAD_TARGET'],
    ['another scheme', { target: 'ftp://a.test/' }, 'BAD_TARGET'],
    ['absolute form of another host', { target: 'http://b.test/' }, 'BAD_HOST'],
    ['absolute form of another port', { target: 'http://a.test:81/' }, 'BAD_HOST'],
    ['absolute form with user info', { target: 'http://x@a.test/' }, 'BAD_HOST'],
    ['absolute form of another origin in its path', { target: 'http://a.test//evil' }, 'BAD_TARGET'],
    ['no Host', { headers: {} }, 'BAD_HOST'],
    ['an empty Host', { headers: { Host: '' } }, 'BAD_HOST'],
    ['an empty Host in HTTP/1.0', { headers: { Host: '' }, version: '1.0' }, 'BAD_HOST'],
    ['two Hosts', { headers: { Host: ['a.test', 'b.test'] } }, 'BAD_HOST'],
    ['two equal Hosts', { headers: { Host: ['a.test', 'a.test'] } }, 'BAD_HOST'],
    ['two Hosts in HTTP/1.0', { headers: { Host: ['a.test', 'a.test'] }, version: '1.0' }, 'BAD_HOST'],
    ['joined Hosts', { headers: { Host: 'a.test, b.test' } }, 'BAD_HOST'],
    ['a Host with user info', { headers: { Host: 'x@a.test' } }, 'BAD_HOST'],
    ['a Host with a path', { headers: { Host: 'a.test/x' } }, 'BAD_HOST'],
    ['a Host with a bad port', { headers: { Host: 'a.test:99999' } }, 'BAD_HOST'],
    ['a Host with a space that is none', { headers: { Host: 'a.test\u00a0' } }, 'BAD_HOST'],
    ['a bad Host with *', { method: 'OPTIONS', target: '*', headers: { Host: 'a b' } }, 'BAD_HOST'],
    ['both framings', { headers: { ...HOST, 'Transfer-Encoding': 'chunked', 'Content-Length': '5' } }, 'BAD_REQUEST'],
    ['another coding', { headers: { ...HOST, 'Transfer-Encoding': 'gzip, chunked' } }, 'BAD_REQUEST'],
    ['chunked twice', { headers: { ...HOST, 'Transfer-Encoding': ['chunked', 'chunked'] } }, 'BAD_REQUEST'],
    ['identity', { headers: { ...HOST, 'Transfer-Encoding': 'identity' } }, 'BAD_REQUEST'],
    ['a coding with an odd space', { headers: { ...HOST, 'Transfer-Encoding': 'chunked\u00a0' } }, 'BAD_REQUEST'],
    ['chunked in HTTP/1.0', { headers: { ...HOST, 'Transfer-Encoding': 'chunked' }, version: '1.0' }, 'BAD_REQUEST'],
    ['two lengths', { headers: { ...HOST, 'Content-Length': ['5', '6'] } }, 'BAD_REQUEST'],
    ['two equal lengths', { headers: { ...HOST, 'Content-Length': ['5', '5'] } }, 'BAD_REQUEST'],
    ['joined lengths', { headers: { ...HOST, 'Content-Length': '5, 5' } }, 'BAD_REQUEST'],
    ['a signed length', { headers: { ...HOST, 'Content-Length': '+5' } }, 'BAD_REQUEST'],
    ['a negative length', { headers: { ...HOST, 'Content-Length': '-5' } }, 'BAD_REQUEST'],
    ['an empty length', { headers: { ...HOST, 'Content-Length': '' } }, 'BAD_REQUEST'],
    ['a hexadecimal length', { headers: { ...HOST, 'Content-Length': '0x5' } }, 'BAD_REQUEST'],
    ['a length beyond what numbers hold', { headers: { ...HOST, 'Content-Length': '9'.repeat(16) } }, 'BAD_REQUEST'],
  ])('refuses %s', (_why, head, code) => {
    expect(codeOf(head)).toBe(code)
  })

  it.each<[head: Head, passed: { target: string; authority: string; host: string }]>([
    [{ target: '/a?b=c' }, { target: '/a?b=c', authority: 'a.test', host: 'a.test' }],
    [{ headers: { Host: 'A.Test:8080' } }, { target: '/', authority: 'A.Test:8080', host: 'a.test' }],
    [
      { headers: {}, version: '1.0' },
      { target: '/', authority: '', host: '' },
    ],
    [
      { method: 'OPTIONS', target: '*' },
      { target: '*', authority: 'a.test', host: 'a.test' },
    ],
    [{ target: 'http://a.test' }, { target: '/', authority: 'a.test', host: 'a.test' }],
    [{ target: 'HTTPS://A.TEST?q' }, { target: '/?q', authority: 'a.test', host: 'a.test' }],
    [{ target: 'http://a.test/../x' }, { target: '/../x', authority: 'a.test', host: 'a.test' }],
    [
      { target: `/!"$%&'()*+,-./:;<=>?@[\\]^_\`{|}~` },
      { target: `/!"$%&'()*+,-./:;<=>?@[\\]^_\`{|}~`, authority: 'a.test', host: 'a.test' },
    ],
    [{ headers: { ...HOST, 'Transfer-Encoding': 'Chunked' } }, { target: '/', authority: 'a.test', host: 'a.test' }],
    [{ headers: { ...HOST, 'Content-Length': '0' } }, { target: '/', authority: 'a.test', host: 'a.test' }],
  ])('lets %j pass', (head, passed) => {
    expect(check(head)).toEqual(passed)
  })
})

describe('dropUnderscoreFields', () => {
  const FIELDS = { content_length: '5', Transfer_Encoding: 'chunked', HOST_: 'x', x_own: '1', 'x-own': '2', Host: 'a' }

  it('drops what could be taken for framing, and every underscore by option', () => {
    const some = new HeaderList(FIELDS)
    dropUnderscoreFields(some, false)
    expect([...some].map(([name]) => name)).toEqual(['HOST_', 'x_own', 'x-own', 'Host'])
    const all = new HeaderList(FIELDS)
    dropUnderscoreFields(all, true)
    expect([...all].map(([name]) => name)).toEqual(['x-own', 'Host'])
  })
})
