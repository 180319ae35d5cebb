/**
 * One attempt on undici: its dispatch handler, and where the reply's body comes from. What comes before anybody reads the
 * body is kept, up to a bound; a small reply is complete before the pipeline has even seen its head.
 */
import type { Duplex, Readable } from 'node:stream'
import { Body, type BodySink, HeaderList, InterimBound, maskOf } from '@sluice/wire'
import type { Client, Dispatcher } from 'undici'
import { type AnyProxyError, DownstreamError, InternalError, ProxyError, UpstreamError } from '../errors.ts'
import { Reply } from '../reply.ts'
import { StreamEnd } from '../tunnel/stream-end.ts'
import { Tunnel } from '../tunnel/tunnel.ts'
import type { Target } from '../upstream/target.ts'
import { type ReplyBodyOwner, ReplySource } from './reply-source.ts'
import { frameRequest } from './request-framing.ts'
import { markSenderFaults } from './sender-faults.ts'
import type { TransportCall, TransportObserver, TransportRequest } from './transport.ts'
import { fromUndici } from './undici-errors.ts'

const MAX_UNREAD_BYTES = 65_536
const FRAMING = maskOf('content-length', 'transfer-encoding')
const REFUSED_BY_UNDICI = maskOf('connection', 'keep-alive', 'upgrade', 'expect', 'te')

export class UndiciCall implements TransportCall, ReplyBodyOwner, Dispatcher.DispatchHandler {
  readonly reused: boolean
  readonly #target: Target
  readonly #request: TransportRequest
  readonly #observer: TransportObserver
  #controller: Dispatcher.DispatchController | undefined = undefined
  #sink: BodySink | undefined = undefined
  #unread: Uint8Array[] = []
  #unreadBytes = 0
  #trailers: HeaderList | undefined = undefined
  /** From the first interim reply on. */
  #interims: InterimBound | undefined = undefined
  #hasHead = false
  #isComplete = false
  #error: AnyProxyError | undefined = undefined
  #tunnel: Duplex | undefined = undefined

  constructor(target: Target, request: TransportRequest, observer: TransportObserver, reused: boolean) {
    this.#target = target
    this.#request = request
    this.#observer = observer
    this.reused = reused
  }

  dispatchOn(dispatcher: Dispatcher): void {
    const { method, path, headers, body, upgrade, headTimeoutMs, bodyIdleTimeoutMs } = this.#request
    const options: Dispatcher.DispatchOptions & { servername: string } = {
      origin: this.#target.origin,
      // Always the same one: with that of the request's Host undici would open a connection anew whenever it changes.
      servername: this.#target.url.hostname,
      path,
      method,
      headers: fieldsFor(headers, body, method),
      body: body.isEmpty ? null : ((body.inMemory as Buffer | undefined) ?? streamOf(body)),
      headersTimeout: headTimeoutMs,
      bodyTimeout: bodyIdleTimeoutMs,
      ...(upgrade === undefined ? undefined : { upgrade }),
    }
    try {
      dispatcher.dispatch(options, this)
    } catch (cause) {
      this.#fail(
        new InternalError('ERR_SLUICE_INTERNAL', { cause, message: `undici refused the request: ${String(cause)}` }),
      )
    }
  }

  /** On a client made for this attempt alone, whose connection can't be stale. */
  dispatchOnce(client: Client): void {
    this.dispatchOn(client)
    void client.close()
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#error !== undefined) controller.abort(this.#error)
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (this.#error !== undefined) return
    const headers = HeaderList.received(rawFields(controller.rawHeaders))
    // With all that belongs to it undici would have called `onRequestUpgrade`.
    if (status === 101) return this.#refuse('a switch of protocols that is none')
    if (status < 200) return this.#takeInterim(status, headers)
    if (status > 599) return this.#refuse(`the status ${status} does not exist`)
    this.#hasHead = true
    this.#observer.reply(new Reply(status, headers, this.#bodyOf(status, headers)))
  }

  #takeInterim(status: number, headers: HeaderList): void {
    const interims = (this.#interims ??= new InterimBound())
    if (!interims.take(headers.raw().join(' ').length)) return this.#refuse('there is no end to the interim replies')
    this.#observer.informational(status, headers)
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#error !== undefined) return
    if (this.#sink !== undefined) {
      if (!this.#sink.write(chunk)) controller.pause()
      return
    }
    this.#unread.push(chunk)
    this.#unreadBytes += chunk.byteLength
    if (this.#unreadBytes > MAX_UNREAD_BYTES) controller.pause()
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#error !== undefined) return
    this.#isComplete = true
    const trailers = rawFields(controller.rawTrailers)
    if (trailers.length > 0) this.#trailers = HeaderList.received(trailers)
    this.#sink?.end(this.#trailers)
    this.#observer.done(undefined)
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#fail(fromUndici(error, this.#hasHead, this.#target.key))
  }

  onRequestUpgrade(controller: Dispatcher.DispatchController, status: number, _headers: unknown, socket: Duplex): void {
    const headers = HeaderList.received(rawFields(controller.rawHeaders))
    socket.on('error', () => {})
    if (this.#error !== undefined || status !== 101) {
      socket.destroy()
      return this.#fail(new UpstreamError('ERR_SLUICE_UPGRADE_FAILED', { target: this.#target.key }))
    }
    socket.once('close', () => {
      if (this.#error !== undefined) return
      this.#isComplete = true
      this.#observer.done(undefined)
    })
    const reply = new Reply(101, headers)
    this.#tunnel = socket
    reply.tunnel = new Tunnel(new StreamEnd(socket))
    this.#hasHead = true
    this.#observer.reply(reply)
  }

  cancel(error: AnyProxyError): void {
    this.#fail(error)
  }

  /** The reply's body is read. */
  startBody(sink: BodySink): void {
    if (this.#error !== undefined) return sink.abort(this.#error)
    this.#sink = sink
    const unread = this.#unread
    this.#unread = []
    let wantsMore = true
    for (const chunk of unread) wantsMore = sink.write(chunk)
    if (this.#error !== undefined) return
    if (this.#isComplete) sink.end(this.#trailers)
    else if (wantsMore) this.#controller?.resume()
  }

  resumeBody(): void {
    if (this.#error === undefined && !this.#isComplete) this.#controller?.resume()
  }

  /** The reader gives up, and is told nothing more. */
  abandonBody(error: Error): void {
    this.#sink = undefined
    // Whoever reads stands on the client's side, and the target has done nothing wrong.
    this.#fail(ProxyError.is(error) ? error : new DownstreamError('ERR_SLUICE_CLIENT_ABORT', { cause: error }))
  }

  #bodyOf(status: number, headers: HeaderList): Body {
    if (this.#request.method === 'HEAD' || status === 204 || status === 304) return Body.empty
    const length =
      headers.hasAny(FRAMING) && !headers.has('transfer-encoding') ? headers.get('content-length') : undefined
    return Body.from(
      new ReplySource(this),
      length !== undefined && /^[0-9]{1,15}$/.test(length) ? Number(length) : undefined,
    )
  }

  #refuse(message: string): void {
    this.#fail(new UpstreamError('ERR_SLUICE_RESPONSE_INVALID', { message, target: this.#target.key }))
  }

  #fail(error: AnyProxyError): void {
    if (this.#isComplete || this.#error !== undefined) return
    this.#error = error
    this.#unread = []
    this.#controller?.abort(error)
    this.#tunnel?.destroy()
    this.#sink?.abort(error)
    this.#observer.done(error)
  }
}

/**
 * A request's body as undici reads it. undici listens for its errors only from when it writes; a client that breaks off
 * before the target is connected makes it fail earlier, and a stream that fails without a listener ends the process.
 */
function streamOf(body: Body): Readable {
  const stream = markSenderFaults(body).readable({ keepUnread: true })
  stream.on('error', () => {})
  return stream
}

/** Fields as undici takes them; it derives `Transfer-Encoding` from there being no length. */
function fieldsFor(headers: HeaderList, body: Body, method: string): string[] {
  if (headers.hasAny(REFUSED_BY_UNDICI)) {
    for (const name of ['connection', 'keep-alive', 'upgrade', 'expect']) headers.delete(name)
  }
  frameRequest(headers, body, method)
  return headers.raw() as string[]
}

/** Names and values as latin1 text. */
function rawFields(raw: Dispatcher.DispatchController['rawHeaders']): string[] {
  if (raw == null) return []
  if (!Array.isArray(raw))
    return Object.entries(raw).flatMap(([name, value]) => [value].flat().flatMap((each) => [name, String(each)]))
  return raw.map((each) => (typeof each === 'string' ? each : each.toString('latin1')))
}
