/**
 * Says to the upstream which country a client's address is of, from ranges in the configuration, and refuses countries that are on a list in
 * the key-value store: `geo:block:XX` there, set by whoever operates the gateway, counts from the next request on.
 */
import { CONTINUE, config, log, property, request, respond, store } from '@sluice/plugin-host/pdk/as'
import { parseAddress, parseRange } from './address'

/** Of each range, in order: its first and its last address, and its country. */
let firsts: Array<u32> = []
let lasts: Array<u32> = []
let countries: Array<string> = []
let header: string = ''
let unknown: string = ''

export function on_init(): i32 {
  const options = config()
  header = options.get('header').text()
  unknown = options.get('unknown').text()
  const ranges = options.get('ranges')
  for (let i = 0; i < ranges.length; i++) {
    const text = ranges.at(i).get('range').text()
    const range = parseRange(text)
    if (range === null) return refuse('this is no range of IPv4 addresses: ' + text)
    // Sorted from the start: a search in the middle of a request would have to sort first.
    if (i > 0 && range.first <= lasts[i - 1]) return refuse('ranges are not in order, or overlap, at ' + text)
    firsts.push(range.first)
    lasts.push(range.last)
    countries.push(ranges.at(i).get('country').text())
  }
  return CONTINUE
}

export function on_request_head(): i32 {
  const country = countryOf(property('client.address'))
  if (country != unknown && store.has('geo:block:' + country)) return respond(451, 'not available in your country\n')
  request.set(header, country)
  store.increment('geo:seen:' + country)
  return CONTINUE
}

/** By halves: twenty steps for a million ranges. */
function countryOf(client: string | null): string {
  if (client === null) return unknown
  const address = parseAddress(client)
  if (address < 0) return unknown
  let low = 0
  let high = firsts.length - 1
  while (low <= high) {
    const middle = (low + high) >>> 1
    if (address < <i64>firsts[middle]) high = middle - 1
    else if (address > <i64>lasts[middle]) low = middle + 1
    else return countries[middle]
  }
  return unknown
}

function refuse(why: string): i32 {
  log.error(why)
  return 1
}
