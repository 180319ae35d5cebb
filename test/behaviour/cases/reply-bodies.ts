/** Bodies of replies: unchanged, and as soon as they are there. */
import { gzipSync } from 'node:zlib'
import type { BehaviourGroup } from '../behaviour-case.ts'
import { plainProxy } from './plain-proxy.ts'

const MEBIBYTE = Buffer.alloc(1_048_576, 'sluice ')
const ZIPPED = gzipSync('a text that was compressed by the upstream')

export const replyBodies: readonly BehaviourGroup[] = [
  {
    name: 'bodies of replies',
    proxy: (site) => plainProxy(site),
    cases: [
      {
        name: 'none, which says so',
        request: { path: '/' },
        answer: () => ({ headers: { 'Content-Length': '0' } }),
        expected: {
          status: 200,
          headers: { 'content-length': '0', 'transfer-encoding': null },
          body: '',
          upstream: [{}],
        },
      },
      {
        name: 'a mebibyte, with its length',
        request: { path: '/' },
        answer: () => ({ body: MEBIBYTE }),
        expected: { status: 200, headers: { 'content-length': '1048576' }, body: MEBIBYTE, upstream: [{}] },
      },
      {
        name: 'a mebibyte in chunks',
        request: { path: '/' },
        answer: () => ({ body: Array.from({ length: 16 }, (_, i) => MEBIBYTE.subarray(i * 65_536, (i + 1) * 65_536)) }),
        expected: { status: 200, body: MEBIBYTE, upstream: [{}] },
      },
      {
        name: 'a few chunks',
        request: { path: '/' },
        answer: () => ({ body: ['one ', 'two ', 'three'] }),
        expected: { status: 200, body: 'one two three', upstream: [{}] },
      },
      {
        name: 'compressed content is not touched',
        request: { path: '/', headers: [['Accept-Encoding', 'gzip, br']] },
        answer: () => ({ headers: { 'Content-Encoding': 'gzip', Vary: 'Accept-Encoding' }, body: ZIPPED }),
        expected: {
          status: 200,
          headers: {
            'content-encoding': 'gzip',
            'content-length': String(ZIPPED.byteLength),
            vary: 'Accept-Encoding',
          },
          body: ZIPPED,
          upstream: [{ headers: { 'accept-encoding': 'gzip, br' } }],
        },
      },
      {
        name: 'part of a content',
        request: { path: '/', headers: [['Range', 'bytes=0-3']] },
        answer: () => ({ status: 206, headers: { 'Content-Range': 'bytes 0-3/10' }, body: 'part' }),
        expected: {
          status: 206,
          headers: { 'content-range': 'bytes 0-3/10', 'content-length': '4' },
          body: 'part',
          upstream: [{ headers: { range: 'bytes=0-3' } }],
        },
      },
      {
        name: 'trailer fields come behind it',
        request: { path: '/', headers: [['TE', 'trailers']] },
        answer: () => ({ body: ['checked'], trailers: { 'X-Checksum': 'abc', 'X-Count': '1' } }),
        expected: {
          status: 200,
          body: 'checked',
          trailers: { 'x-checksum': 'abc', 'x-count': '1' },
          upstream: [{}],
        },
      },
      {
        name: 'the head arrives before there is any of it',
        request: { path: '/' },
        answer: (_request, seen) => ({
          body: (async function* () {
            await seen
            yield 'at last'
          })(),
        }),
        watchFor: '',
        expected: { status: 200, body: 'at last', upstream: [{}] },
      },
      {
        name: 'an event arrives before the stream ends',
        request: { path: '/', headers: [['Accept', 'text/event-stream']] },
        answer: (_request, seen) => ({
          headers: { 'Content-Type': 'text/event-stream' },
          body: (async function* () {
            yield 'data: first\n\n'
            await seen
            yield 'data: second\n\n'
          })(),
        }),
        watchFor: 'data: first',
        expected: {
          status: 200,
          headers: { 'content-type': 'text/event-stream' },
          body: 'data: first\n\ndata: second\n\n',
          upstream: [{}],
        },
      },
    ],
  },
]
