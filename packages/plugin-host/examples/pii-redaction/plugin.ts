/**
 * Takes personal data out of JSON replies: the values of keys that the configuration names, and in every other text what looks like an
 * e-mail address or is the number of a payment card. All else stays as it was, byte for byte.
 */
import { CONTINUE, SKIP, config, log, metrics, reply, request, respond } from '@sluice/plugin-host/pdk/as'
import { Redaction } from './redaction'

let keys: Array<string> = []
let mask: string = ''

export function on_init(): i32 {
  const options = config()
  keys = options.get('keys').texts()
  for (let i = 0; i < keys.length; i++) keys[i] = keys[i].toLowerCase()
  mask = options.get('mask').text()
  return CONTINUE
}

/** What is compressed can not be read: the upstream is asked for it as it is. */
export function on_request_head(): i32 {
  request.remove('accept-encoding')
  return CONTINUE
}

export function on_response_head(): i32 {
  const type = reply.get('content-type')
  // Before the body is collected: what is no JSON flows on as if the plugin were not there.
  if (type === null || !isJson(type)) return SKIP
  if (!reply.has('content-encoding')) return CONTINUE
  log.warn('a JSON reply is compressed although nobody asked for that')
  return refuse('it is compressed')
}

export function on_response_body(length: i32, _isLast: i32): i32 {
  const body = reply.body(length)
  const redaction = new Redaction(body, keys, mask)
  const count = redaction.run()
  // What says that it is JSON and is not may be anything.
  if (count < 0) return refuse('it is no JSON')
  if (count > 0) {
    reply.setBody(redaction.output.bytes())
    metrics.count('redacted', count)
  }
  return CONTINUE
}

/** `application/json`, and all that ends in `+json` (RFC 6839). */
function isJson(type: string): bool {
  const end = type.indexOf(';')
  const media = (end < 0 ? type : type.substring(0, end)).trim().toLowerCase()
  return media == 'application/json' || media.endsWith('+json')
}

/** What can not be looked at does not get out. */
function refuse(why: string): i32 {
  return respond(502, 'The reply could not be checked for personal data: ' + why + '.\n')
}
