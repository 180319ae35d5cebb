/** What middlewares do to requests and replies arrives, framing included. */
import { createProxy, defineMiddleware, Reply } from '@sluice/core'
import { Body, type BodySink } from '@sluice/wire'
import type { AnyProxy, BehaviourGroup, Site } from '../behaviour-case.ts'

function tracing(name: string) {
  return defineMiddleware(name, async (x, next) => {
    x.request.headers.append('X-Order', name)
    const reply = await next(x)
    reply.headers.append('X-Order', name)
    return reply
  })
}

/** Every chunk twice. */
function doubled(body: Body): Body {
  return body.transform((sink: BodySink): BodySink => ({
    begin: (flow) => sink.begin(flow),
    write: (chunk) => sink.write(Buffer.concat([chunk, chunk])),
    end: (trailers) => sink.end(trailers),
    abort: (error) => sink.abort(error),
  }))
}

const replaceRequestBody = defineMiddleware('replaceRequestBody', (x, next) => {
  x.request.body = Body.of('another body')
  return next(x)
})
const transformRequestBody = defineMiddleware('transformRequestBody', (x, next) => {
  x.request.body = doubled(x.request.body)
  return next(x)
})
const readRequestBody = defineMiddleware('readRequestBody', async (x, next) => {
  x.request.body = x.request.body.replayable(1_024)
  x.request.headers.set('X-Read', await x.request.body.text())
  return await next(x)
})
const rewrite = defineMiddleware('rewrite', (x, next) => {
  x.request.method = 'PUT'
  x.request.target = '/elsewhere?by=middleware'
  x.request.headers.delete('x-remove')
  return next(x)
})
const replaceReplyBody = defineMiddleware('replaceReplyBody', async (x, next) => {
  const reply = await next(x)
  reply.body.cancel()
  reply.body = Body.of('short')
  return reply
})
const transformReplyBody = defineMiddleware('transformReplyBody', async (x, next) => {
  const reply = await next(x)
  reply.body = doubled(reply.body)
  return reply
})
const refuse = defineMiddleware('refuse', () =>
  Reply.text('who are you?', { status: 401, headers: { 'WWW-Authenticate': 'Basic realm="x"' } }),
)

function edited(site: Site): AnyProxy {
  const upstream = site.createUpstream('edited', { targets: [site.upstream] })
  return createProxy()
    .route({ path: '/order' }, (route) => route.use(tracing('first')).use(tracing('second')).forward(upstream))
    .route({ path: '/replace-request' }, (route) => route.use(replaceRequestBody).forward(upstream))
    .route({ path: '/transform-request' }, (route) => route.use(transformRequestBody).forward(upstream))
    .route({ path: '/read-request' }, (route) => route.use(readRequestBody).forward(upstream))
    .route({ path: '/rewrite' }, (route) => route.use(rewrite).forward(upstream))
    .route({ path: '/replace-reply' }, (route) => route.use(replaceReplyBody).forward(upstream))
    .route({ path: '/transform-reply' }, (route) => route.use(transformReplyBody).forward(upstream))
    .route({ path: '/refuse' }, (route) => route.use(refuse).forward(upstream))
}

export const middlewares: readonly BehaviourGroup[] = [
  {
    name: 'middlewares',
    proxy: edited,
    cases: [
      {
        name: 'run in their order towards the upstream, and back in the other',
        request: { path: '/order' },
        answer: () => ({ headers: { 'X-Order': 'upstream' } }),
        expected: {
          status: 200,
          headers: { 'x-order': 'upstream, second, first' },
          upstream: [{ headers: { 'x-order': 'first, second' } }],
        },
      },
      {
        name: 'that replace the request’s body need not care about its length',
        request: { method: 'POST', path: '/replace-request', body: 'a body' },
        expected: {
          status: 200,
          upstream: [{ headers: { 'content-length': ['12'], 'transfer-encoding': null }, body: 'another body' }],
        },
      },
      {
        name: 'that transform the request’s body do not leave the old length',
        request: { method: 'POST', path: '/transform-request', body: 'a body' },
        expected: {
          status: 200,
          upstream: [{ headers: { 'content-length': /^(?:12)?$/ }, body: 'a bodya body' }],
        },
      },
      {
        name: 'that read the request’s body can have it forwarded all the same',
        request: { method: 'POST', path: '/read-request', body: 'a body' },
        expected: {
          status: 200,
          upstream: [{ headers: { 'content-length': '6', 'x-read': 'a body' }, body: 'a body' }],
        },
      },
      {
        name: 'that change method, target and fields change what is sent',
        request: { method: 'POST', path: '/rewrite', headers: [['X-Remove', '1']], body: 'x' },
        expected: {
          status: 200,
          upstream: [{ method: 'PUT', path: '/elsewhere?by=middleware', headers: { 'x-remove': null }, body: 'x' }],
        },
      },
      {
        name: 'that replace the reply’s body need not care about its length',
        request: { path: '/replace-reply' },
        answer: () => ({ body: 'a body of the upstream' }),
        expected: { status: 200, headers: { 'content-length': '5' }, body: 'short', upstream: [{}] },
      },
      {
        name: 'that transform the reply’s body do not leave the old length',
        request: { path: '/transform-reply' },
        answer: () => ({ body: 'a body' }),
        expected: {
          status: 200,
          headers: { 'content-length': /^(?:12)?$/ },
          body: 'a bodya body',
          upstream: [{}],
        },
      },
      {
        name: 'that refuse a request answer before its body is read',
        request: { method: 'POST', path: '/refuse', body: 'not for you' },
        expected: {
          status: 401,
          headers: { 'www-authenticate': 'Basic realm="x"', 'content-length': '12' },
          body: 'who are you?',
          upstream: [],
        },
      },
    ],
  },
]
