/**
 * One exchange on its way through one plugin: its hooks in their order, and what its failure policy makes of each fault.
 *
 *   request head -> request body -> next -> reply head -> reply body -> (the exchange is over) log
 */
import {
  type AnyProxyError,
  DownstreamError,
  type Exchange,
  type ExchangeEnd,
  type Handler,
  type PluginError,
  problemReply,
  type Reply,
} from '@sluice/core'
import type { Body, HeaderList } from '@sluice/wire'
import { CONTINUE, type HookName, REPLY, REQUEST, RESPOND } from '../abi/sluice-v1.ts'
import type { PluginSkipEvent } from '../events.ts'
import { limitFault } from '../fault.ts'
import type { BodyCapability } from '../manifest/capabilities.ts'
import { bodyOf, gatherBody } from './gather-body.ts'
import { FAULTED, type HookOwner, type Outcome } from './hook-runner.ts'
import { hookBody } from './hooked-body.ts'
import { logSubject, type PluginVersion } from './plugin-version.ts'
import { dropDigests, type Message, replaceBody } from './replace-body.ts'

type Kind = typeof REQUEST | typeof REPLY

/** Called with what the plugin has set, before the exchange goes on inwards. */
export type TakeResult = (exchange: Exchange, result: unknown) => void

export class PluginRun implements HookOwner {
  readonly exchange: Exchange
  readonly #version: PluginVersion
  readonly #next: Handler
  readonly #takeResult: TakeResult | undefined
  state: Uint8Array | undefined = undefined
  result: unknown = undefined
  carried: unknown = undefined
  fault: PluginError | undefined = undefined
  localReply: Reply | undefined = undefined
  newBody: Uint8Array | undefined = undefined
  /** No further hook of the plugin is called, but for that at the exchange's end. */
  #isDone = false
  /** Nor that one. */
  #isSilent = false
  #hasLeft = false

  constructor(exchange: Exchange, version: PluginVersion, next: Handler, takeResult: TakeResult | undefined) {
    this.exchange = exchange
    this.#version = version
    this.#next = next
    this.#takeResult = takeResult
  }

  /** From the request's head to the reply. */
  start(): Reply | Promise<Reply> {
    this.#version.retain()
    let reply: Reply | Promise<Reply>
    try {
      reply = this.#begin()
    } catch (error) {
      this.#leave()
      throw error
    }
    if (this.#hasLeft) return reply
    if (reply instanceof Promise) return this.#leaveAfter(reply)
    this.#leave()
    return reply
  }

  async #leaveAfter(reply: Promise<Reply>): Promise<Reply> {
    try {
      return await reply
    } finally {
      this.#leave()
    }
  }

  #leave(): void {
    if (this.#hasLeft) return
    this.#hasLeft = true
    this.#version.release()
  }

  #begin(): Reply | Promise<Reply> {
    const { exchange } = this
    const { hooks } = this.#version
    if (hooks.log) exchange.onEnd((end) => this.#log(end))
    if (!hooks.requestHead) return this.#requestBody()
    if (hooks.wholeRequest && !exchange.request.body.isEmpty) return this.#wholeRequest()
    const mode = this.#version.services.manifest.capabilities.requestBody.mode
    const outcome = this.#call('on_request_head', undefined, REQUEST, mode === 'none' ? -1 : REQUEST, undefined)
    return typeof outcome === 'number' ? this.#afterRequestHead(outcome) : this.#later(outcome)
  }

  async #later(outcome: Promise<Outcome>): Promise<Reply> {
    return await this.#afterRequestHead(await outcome)
  }

  /** Head and body at once, as interfaces of others have it. */
  async #wholeRequest(): Promise<Reply> {
    const { request } = this.exchange
    const gathered = await gatherBody(request.body, this.#capability(REQUEST).maxBytes)
    if (gathered.bytes === undefined) {
      request.body = gathered.rest
      return this.#bodyTooLong(request.body, REQUEST) ?? (await this.#forward())
    }
    request.body = bodyOf(gathered.bytes, gathered.trailers)
    return await this.#afterRequestHead(
      await this.#call('on_request_head', undefined, REQUEST, REQUEST, gathered.bytes),
    )
  }

  #afterRequestHead(outcome: Outcome): Reply | Promise<Reply> {
    const answer = this.#answerOf(outcome, 'on_request_head')
    if (answer !== undefined) return answer
    if (this.newBody !== undefined) this.#replaceBody(this.exchange.request, this.newBody, undefined)
    return this.#requestBody()
  }

  #requestBody(): Reply | Promise<Reply> {
    const { hooks } = this.#version
    const { request } = this.exchange
    if (this.#isDone || hooks.requestBody === 'none' || request.body.isEmpty) return this.#forward()
    if (hooks.requestBody === 'buffer') return this.#bufferedRequest()
    request.body = this.#hooked(request.body, 'on_request_body', REQUEST, undefined)
    return this.#forward()
  }

  async #bufferedRequest(): Promise<Reply> {
    const { request } = this.exchange
    const refusal = await this.#buffered('on_request_body', request, REQUEST, undefined)
    return refusal ?? (await this.#forward())
  }

  #forward(): Reply | Promise<Reply> {
    const { exchange } = this
    this.#takeResult?.(exchange, this.result)
    const { replyHead, replyBody, errors } = this.#version.hooks
    if (this.#isDone || (!replyHead && replyBody === 'none')) {
      this.#leave()
      return this.#next(exchange)
    }
    if (errors) return this.#forwardHearing()
    const reply = this.#next(exchange)
    return reply instanceof Promise ? this.#awaitReply(reply) : this.#onReply(reply)
  }

  /** Tells the plugin where there is no reply; nothing that it says to that counts. */
  async #forwardHearing(): Promise<Reply> {
    let reply: Reply
    try {
      reply = await this.#next(this.exchange)
    } catch (error) {
      const subject = { hook: 'on_response_head', exchange: this.exchange, reply: undefined, state: this } as const
      await this.#version.call(this, { ...subject, writable: -1, bodyKind: -1, body: undefined, end: undefined })
      throw error
    }
    return await this.#onReply(reply)
  }

  async #awaitReply(reply: Promise<Reply>): Promise<Reply> {
    return await this.#onReply(await reply)
  }

  #onReply(reply: Reply): Reply | Promise<Reply> {
    // A switch of protocols is no reply to edit: what it says was agreed on between client and target.
    if (reply.status === 101 || !this.#version.hooks.replyHead) return this.#replyBody(reply)
    if (this.#version.hooks.wholeReply && !reply.body.isEmpty) return this.#wholeReply(reply)
    const mode = this.#version.services.manifest.capabilities.replyBody.mode
    const outcome = this.#call('on_response_head', reply, REPLY, mode === 'none' ? -1 : REPLY, undefined)
    return typeof outcome === 'number' ? this.#afterReplyHead(reply, outcome) : this.#laterReplyHead(reply, outcome)
  }

  async #wholeReply(reply: Reply): Promise<Reply> {
    const gathered = await gatherBody(reply.body, this.#capability(REPLY).maxBytes)
    if (gathered.bytes === undefined) {
      reply.body = gathered.rest
      return this.#bodyTooLong(reply.body, REPLY) ?? reply
    }
    reply.body = bodyOf(gathered.bytes, gathered.trailers)
    return await this.#afterReplyHead(reply, await this.#call('on_response_head', reply, REPLY, REPLY, gathered.bytes))
  }

  async #laterReplyHead(reply: Reply, outcome: Promise<Outcome>): Promise<Reply> {
    return await this.#afterReplyHead(reply, await outcome)
  }

  #afterReplyHead(reply: Reply, outcome: Outcome): Reply | Promise<Reply> {
    let answer: Reply | undefined
    try {
      answer = this.#answerOf(outcome, 'on_response_head')
    } catch (error) {
      reply.body.cancel(error as AnyProxyError)
      throw error
    }
    if (answer !== undefined) {
      reply.body.cancel()
      return answer
    }
    if (this.newBody !== undefined) this.#replaceBody(reply, this.newBody, undefined)
    return this.#replyBody(reply)
  }

  #replyBody(reply: Reply): Reply | Promise<Reply> {
    const mode = this.#version.hooks.replyBody
    if (this.#isDone || mode === 'none' || reply.status === 101 || reply.body.isEmpty) return reply
    if (mode === 'buffer') return this.#bufferedReply(reply)
    dropDigests(reply.headers)
    reply.body = this.#hooked(reply.body, 'on_response_body', REPLY, reply)
    return reply
  }

  async #bufferedReply(reply: Reply): Promise<Reply> {
    return (await this.#buffered('on_response_body', reply, REPLY, reply)) ?? reply
  }

  /** Hands the whole body to a hook. Gives what to answer instead, where there is anything. */
  async #buffered(hook: HookName, message: Message, kind: Kind, reply: Reply | undefined): Promise<Reply | undefined> {
    const gathered = await gatherBody(message.body, this.#capability(kind).maxBytes)
    if (gathered.bytes === undefined) {
      message.body = gathered.rest
      return this.#bodyTooLong(message.body, kind)
    }
    const { bytes, trailers } = gathered
    message.body = bodyOf(bytes, trailers)
    if (bytes.length === 0) return undefined
    const answer = this.#answerOf(await this.#call(hook, reply, kind, kind, bytes), hook)
    if (answer === undefined && this.newBody !== undefined) this.#replaceBody(message, this.newBody, trailers)
    return answer
  }

  /** What the plugin can't look at passes it by, or does not pass. */
  #bodyTooLong(body: Body, kind: Kind): Reply | undefined {
    const { manifest } = this.#version.services
    if (manifest.failure === 'open') {
      this.#skip('body')
      return undefined
    }
    this.#isDone = this.#isSilent = true
    const message = `the body has more than the ${this.#capability(kind).maxBytes} bytes that plugin "${manifest.name}" takes`
    const error =
      kind === REQUEST
        ? new DownstreamError('ERR_SLUICE_BODY_TOO_LARGE', { message, stage: 'plugin' })
        : limitFault(message)
    body.cancel(error)
    return problemReply(error, this.exchange.settings.name)
  }

  #hooked(body: Body, hook: HookName, kind: Kind, reply: Reply | undefined): Body {
    const version = this.#version
    version.retain()
    return hookBody(body, {
      call: (chunk, isLast) => {
        const subject = { hook, exchange: this.exchange, reply, state: this, end: undefined } as const
        return version.call(this, { ...subject, writable: -1, bodyKind: kind, body: chunk }, isLast ? 1 : 0)
      },
      takeNewChunk: () => {
        const chunk = this.newBody
        this.newBody = undefined
        return chunk
      },
      takeFault: () => {
        this.#isDone = this.#isSilent = true
        if (version.services.manifest.failure === 'open') return undefined
        // A request that is on its way fails with the fault, not with a client that seems to have left.
        if (kind === REQUEST) this.exchange.abort(this.fault)
        return this.fault
      },
      skipped: () => this.#skip('plugin'),
      over: () => version.release(),
    })
  }

  #call(
    hook: HookName,
    reply: Reply | undefined,
    writable: Kind,
    bodyKind: Kind | -1,
    body: Uint8Array | undefined,
  ): Outcome | Promise<Outcome> {
    const subject = { hook, exchange: this.exchange, reply, state: this, writable, bodyKind, body, end: undefined }
    return this.#version.call(this, subject)
  }

  /** What is answered at once; missing where the exchange goes on. Throws where that was given up. */
  #answerOf(outcome: Outcome, hook: HookName): Reply | undefined {
    switch (outcome) {
      case CONTINUE:
        return undefined
      case RESPOND:
        this.#isDone = true
        this.#version.reports.replied(hook, this.exchange, this.localReply!)
        return this.localReply
      case FAULTED: {
        const fault = this.fault!
        this.newBody = undefined
        const { failure } = this.#version.services.manifest
        if (failure === 'open') this.#skip(fault.code === 'ERR_SLUICE_PLUGIN_OPEN' ? 'open' : undefined)
        this.#isDone = this.#isSilent = true
        return failure === 'open' ? undefined : problemReply(fault, this.exchange.settings.name)
      }
      default: {
        const { aborted } = this.exchange
        this.#skip(aborted === undefined ? 'plugin' : undefined)
        // Given up while the hook waited: nobody knows what it would have said, and so nothing behind it is reached.
        if (aborted !== undefined) throw aborted
        return undefined
      }
    }
  }

  #skip(reason: PluginSkipEvent['reason'] | undefined): void {
    this.#isDone = this.#isSilent = true
    if (reason !== undefined) this.#version.reports.skipped(this.exchange, reason)
  }

  #replaceBody(message: Message, bytes: Uint8Array, trailers: HeaderList | undefined): void {
    this.newBody = undefined
    replaceBody(message, bytes, trailers)
  }

  #capability(kind: Kind): BodyCapability {
    const { requestBody, replyBody } = this.#version.services.manifest.capabilities
    return kind === REQUEST ? requestBody : replyBody
  }

  #log(end: ExchangeEnd): void {
    if (!this.#isSilent) void this.#version.call(this, logSubject(this.exchange, end, this))
  }
}
