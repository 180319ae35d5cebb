/** The static table of HPACK (RFC 7541, appendix A). */

/** `name`, or `name: value`, by index; the first index is 1. */
const LINES = `
:authority
:method: GET
:method: POST
:path: /
:path: /index.html
:scheme: http
:scheme: https
:status: 200
:status: 204
:status: 206
:status: 304
:status: 400
:status: 404
:status: 500
accept-charset
accept-encoding: gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate`

/** `[name, value]`, where the value may be empty; at index 0 stands the table's first field, whose index is 1. */
export const STATIC_FIELDS: readonly (readonly [name: string, value: string])[] = LINES.trim()
  .split('\n')
  .map((line) => {
    const colon = line.indexOf(':', 1)
    return colon < 0 ? [line, ''] : [line.slice(0, colon), line.slice(colon + 2)]
  })

/** By name the index of the first field that has it. */
export const STATIC_NAMES: ReadonlyMap<string, number> = new Map(
  STATIC_FIELDS.map(([name], index) => [name, index + 1] as const).toReversed(),
)
