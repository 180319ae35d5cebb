/** Every method arrives as it was sent, once, and every body byte for byte. */
import type { BehaviourGroup } from '../behaviour-case.ts'
import { plainProxy } from './plain-proxy.ts'

const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, index) => index)
const MEBIBYTE = Buffer.alloc(1_048_576, EVERY_BYTE)
const OCTETS = ['Content-Type', 'application/octet-stream'] as const
const JSON_TYPE = ['Content-Type', 'application/json'] as const
const HIDDEN_REQUEST = 'GET /hidden HTTP/1.1\r\nHost: gateway.test\r\n\r\n'

export const methodsAndBodies: readonly BehaviourGroup[] = [
  {
    name: 'methods and bodies',
    proxy: (site) => plainProxy(site),
    cases: [
      {
        name: 'GET',
        request: { path: '/hello?x=1', headers: [['Accept', 'text/plain']] },
        answer: () => ({ headers: { 'Content-Type': 'text/plain' }, body: 'hello' }),
        expected: {
          status: 200,
          headers: { 'content-type': 'text/plain', 'content-length': '5' },
          body: 'hello',
          upstream: [{ method: 'GET', path: '/hello?x=1', headers: { accept: 'text/plain' }, body: '' }],
        },
      },
      {
        name: 'HEAD, with the length of what GET would get',
        request: { method: 'HEAD', path: '/hello' },
        answer: () => ({ headers: { 'Content-Type': 'text/plain', 'Content-Length': '12345' } }),
        expected: {
          status: 200,
          headers: { 'content-length': '12345' },
          body: '',
          upstream: [{ method: 'HEAD', path: '/hello' }],
        },
      },
      {
        name: 'POST with an empty body',
        request: { method: 'POST', path: '/', body: '' },
        expected: {
          status: 200,
          upstream: [{ method: 'POST', headers: { 'content-length': '0', 'transfer-encoding': null }, body: '' }],
        },
      },
      {
        name: 'POST with a small body, its length kept',
        request: { method: 'POST', path: '/', headers: [OCTETS], body: 'small' },
        expected: {
          status: 200,
          upstream: [
            {
              method: 'POST',
              headers: { 'content-length': '5', 'transfer-encoding': null, 'content-type': 'application/octet-stream' },
              body: 'small',
            },
          ],
        },
      },
      {
        name: 'POST in chunks, without a length',
        request: { method: 'POST', path: '/', headers: [OCTETS], chunks: ['one ', 'two ', 'three'] },
        expected: {
          status: 200,
          upstream: [{ body: 'one two three' }],
        },
      },
      {
        name: 'POST of text beyond ASCII',
        request: { method: 'POST', path: '/', headers: [['Content-Type', 'text/plain']], body: 'grüße, 世界' },
        expected: { status: 200, upstream: [{ headers: { 'content-length': '15' }, body: 'grüße, 世界' }] },
      },
      {
        name: 'POST of what says it is JSON and is not',
        request: { method: 'POST', path: '/', headers: [JSON_TYPE], body: '{"open":' },
        expected: { status: 200, upstream: [{ headers: { 'content-length': '8' }, body: '{"open":' }] },
      },
      {
        name: 'PUT of a mebibyte',
        request: { method: 'PUT', path: '/large', headers: [OCTETS], body: MEBIBYTE },
        answer: () => ({ status: 201 }),
        expected: {
          status: 201,
          upstream: [{ method: 'PUT', headers: { 'content-length': '1048576' }, body: MEBIBYTE }],
        },
      },
      {
        name: 'POST of every byte there is, and back',
        request: { method: 'POST', path: '/', headers: [OCTETS], body: EVERY_BYTE },
        answer: (request) => ({ body: request.body }),
        expected: { status: 200, body: EVERY_BYTE, upstream: [{ body: EVERY_BYTE }] },
      },
      {
        name: 'PATCH',
        request: { method: 'PATCH', path: '/1', headers: [JSON_TYPE], body: '{"a":1}' },
        expected: { status: 200, upstream: [{ method: 'PATCH', path: '/1', body: '{"a":1}' }] },
      },
      {
        name: 'DELETE without a body',
        request: { method: 'DELETE', path: '/1' },
        answer: () => ({ status: 204 }),
        expected: {
          status: 204,
          upstream: [{ method: 'DELETE', headers: { 'transfer-encoding': null }, body: '' }],
        },
      },
      {
        name: 'DELETE with a body',
        request: { method: 'DELETE', path: '/1', headers: [OCTETS], body: 'why' },
        expected: { status: 200, upstream: [{ method: 'DELETE', headers: { 'content-length': '3' }, body: 'why' }] },
      },
      {
        name: 'DELETE in chunks that look like another request is one request',
        request: { method: 'DELETE', path: '/1', headers: [OCTETS], chunks: [HIDDEN_REQUEST] },
        expected: {
          status: 200,
          upstream: [{ method: 'DELETE', path: '/1', body: HIDDEN_REQUEST }],
        },
      },
      {
        name: 'OPTIONS',
        request: { method: 'OPTIONS', path: '/1', headers: [['Access-Control-Request-Method', 'PUT']] },
        answer: () => ({ status: 204, headers: { Allow: 'GET, PUT' } }),
        expected: {
          status: 204,
          headers: { allow: 'GET, PUT' },
          upstream: [{ method: 'OPTIONS', headers: { 'access-control-request-method': 'PUT' } }],
        },
      },
      {
        name: 'OPTIONS in chunks that look like another request is one request',
        request: { method: 'OPTIONS', path: '/1', headers: [OCTETS], chunks: [HIDDEN_REQUEST] },
        expected: { status: 200, upstream: [{ method: 'OPTIONS', path: '/1', body: HIDDEN_REQUEST }] },
      },
      {
        name: 'QUERY, which is safe and has a body',
        request: { method: 'QUERY', path: '/search', headers: [JSON_TYPE], body: '{"q":1}' },
        expected: { status: 200, upstream: [{ method: 'QUERY', path: '/search', body: '{"q":1}' }] },
      },
    ],
  },
]
