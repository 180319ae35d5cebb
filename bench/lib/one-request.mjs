/** One GET on a connection of its own, over HTTP/1.1 or HTTP/2, with or without TLS. */
import { once } from 'node:events'
import { request } from 'node:http'
import { connect } from 'node:http2'
import { request as secureRequest } from 'node:https'

/** Gives `{ status, headers, body }`. `ca` is what an `https:` URL is verified against. */
export async function oneRequest(url, { ca, http2 = false }) {
  return await (http2 ? overHttp2(url, ca) : overHttp1(url, ca))
}

async function overHttp1(url, ca) {
  const { promise, resolve, reject } = Promise.withResolvers()
  const send = url.startsWith('https:') ? secureRequest : request
  send(url, { agent: false, ca }, resolve).on('error', reject).end()
  const reply = await promise
  return { status: reply.statusCode, headers: reply.headers, body: await text(reply) }
}

async function overHttp2(url, ca) {
  const session = connect(url, { ca })
  try {
    const failed = once(session, 'close').then(() => {
      throw new Error('closes HTTP/2 connections')
    })
    failed.catch(() => {})
    await Promise.race([once(session, 'connect'), failed])
    const stream = session.request({ ':path': new URL(url).pathname })
    const [headers] = await Promise.race([once(stream, 'response'), failed])
    return { status: headers[':status'], headers, body: await text(stream) }
  } finally {
    session.destroy()
  }
}

async function text(stream) {
  let body = ''
  for await (const chunk of stream.setEncoding('utf8')) body += chunk
  return body
}
