/** Which fields of a response are kept (RFC 9111, section 3.1), hop-by-hop ones being gone since the entrance. */
import { fieldName, type HeaderList, maskOf } from '@sluice/wire'
import { formatHttpDate } from '../directives/http-date.ts'
import type { ResponseDirectives } from '../directives/response-directives.ts'

const SET_COOKIE = maskOf('set-cookie')
const DATE = maskOf('date')
const DATE_NAME = fieldName('Date')

/** What is done with a response that sets a cookie. */
export type SetCookiePolicy = 'refuse' | 'strip' | 'store'

/** For one proxy only; and what is made anew for each reply. */
const NEVER = new Set([
  'age',
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authentication-info',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** The fields to keep, as a list of its own. Adds `Date` where there is none (RFC 9110, section 6.6.1). */
export function storedFields(
  headers: HeaderList,
  directives: ResponseDirectives,
  setCookie: SetCookiePolicy,
  respondedAt: number,
): HeaderList {
  const stored = headers.copy()
  const { noCacheFields, privateFields } = directives
  if (noCacheFields === undefined && privateFields === undefined) stored.deleteWhere(isNeverStored)
  else {
    stored.deleteWhere(
      (key) => isNeverStored(key) || noCacheFields?.includes(key) === true || privateFields?.includes(key) === true,
    )
  }
  if (setCookie === 'strip' && stored.hasAny(SET_COOKIE)) stored.delete('set-cookie')
  if (!stored.hasAny(DATE)) stored.appendUnchecked(DATE_NAME, dateAt(respondedAt))
  return stored
}

function isNeverStored(key: string): boolean {
  return NEVER.has(key)
}

/** Responses of one second have one date. */
function dateAt(time: number): string {
  const second = Math.floor(time / 1_000)
  if (second !== lastSecond) {
    lastSecond = second
    lastDate = formatHttpDate(time)
  }
  return lastDate
}

let lastSecond = Number.NaN
let lastDate = ''

/** The trailer fields that others may have: no cookie, nothing of one proxy's, whatever the options say of heads. */
export function sharedTrailers(trailers: HeaderList): HeaderList {
  const shared = trailers.copy()
  shared.deleteWhere((key) => key === 'set-cookie' || NEVER.has(key))
  return shared
}

export function setsCookie(headers: HeaderList): boolean {
  return headers.hasAny(SET_COOKIE)
}
