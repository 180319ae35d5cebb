/** What a guard does to the reply of whoever stands behind it, also where that has failed. */
import { type Exchange, type Handler, problemReply, ProxyError, type Reply } from '@sluice/core'
import type { HeaderList } from '@sluice/wire'

/** Changes a reply's fields. */
export type ReplyEdit = (headers: HeaderList) => void

/**
 * What fails becomes its reply here already, so that a page may read what it says. The reply that switches protocols is left
 * alone: no page reads it.
 */
export function editReply<N>(exchange: Exchange<N>, next: Handler, edit: ReplyEdit): Reply | Promise<Reply> {
  let reply: Reply | Promise<Reply>
  try {
    reply = next(exchange)
  } catch (error) {
    return edited(failed(error, exchange), edit)
  }
  return reply instanceof Promise ? settle(reply, exchange, edit) : edited(reply, edit)
}

async function settle<N>(pending: Promise<Reply>, exchange: Exchange<N>, edit: ReplyEdit): Promise<Reply> {
  let reply: Reply
  try {
    reply = await pending
  } catch (error) {
    return edited(failed(error, exchange), edit)
  }
  return edited(reply, edit)
}

function failed<N>(error: unknown, exchange: Exchange<N>): Reply {
  if (ProxyError.is(error)) return problemReply(error, exchange.settings.name)
  throw error
}

function edited(reply: Reply, edit: ReplyEdit): Reply {
  // What a middleware that forgot its `return` gives is for the entrance to speak of.
  if (reply?.headers !== undefined && reply.tunnel === undefined) edit(reply.headers)
  return reply
}

/** Adds names to `Vary` (RFC 9110, section 12.5.5) that are not in it yet. */
export function addVary(headers: HeaderList, names: readonly string[]): void {
  const before = headers.get('vary')
  if (before === undefined) {
    headers.append('Vary', names.join(', '))
    return
  }
  const listed = new Set(before.split(',').map((each) => each.trim().toLowerCase()))
  if (listed.has('*')) return
  const missing = names.filter((each) => !listed.has(each.toLowerCase()))
  if (missing.length > 0) headers.set('Vary', [before, ...missing].join(', '))
}
