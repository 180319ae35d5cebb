/** Our own conditional requests, and what comes of them (RFC 9111, sections 4.3.1, 4.3.4 and 3.2). */
import { type HeaderList, maskOf } from '@sluice/wire'
import { isStrong, matchesWeakly } from './entity-tag.ts'

const CONDITIONS = maskOf('if-none-match')
const RANGE = maskOf('range')
const ETAG = maskOf('etag')

/** Whether what is stored can be asked about. */
export function canValidate(stored: HeaderList): boolean {
  return stored.hasAny(ETAG) || stored.has('last-modified')
}

/** Takes the client's conditions and range out of a request: its answer is to be of use to all. */
export function makeUnconditional(request: HeaderList): void {
  if (request.hasAny(CONDITIONS)) request.deleteWhere((key) => key.startsWith('if-') && CLIENT_CONDITIONS.has(key))
  if (request.hasAny(RANGE)) request.delete('range')
}

const CLIENT_CONDITIONS = new Set(['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range'])

/** Asks whether what is stored still holds: both validators, where there are both. */
export function makeConditional(request: HeaderList, stored: HeaderList): void {
  makeUnconditional(request)
  const etag = stored.get('etag')
  if (etag !== undefined) request.set('If-None-Match', etag)
  const modified = stored.get('last-modified')
  if (modified !== undefined) request.set('If-Modified-Since', modified)
}

/** Asks for whichever of several variants it is (section 4.3.1). */
export function askForVariants(request: HeaderList, etags: readonly string[]): void {
  makeUnconditional(request)
  request.set('If-None-Match', etags.join(', '))
}

/** Whether a 304 speaks of what is stored (section 4.3.4). */
export function speaksOf(fields: HeaderList, stored: HeaderList): boolean {
  const etag = fields.get('etag')
  if (etag !== undefined) {
    const storedTag = stored.get('etag')
    if (storedTag === undefined) return false
    return isStrong(etag) && isStrong(storedTag) ? etag === storedTag : matchesWeakly(etag, storedTag)
  }
  const modified = fields.get('last-modified')
  return modified === undefined || modified === (stored.get('last-modified') ?? modified)
}

/** What a 304 or the answer to a HEAD may not change: what belongs to the body, or is not stored at all (section 3.2). */
const KEPT = new Set([
  'content-length',
  'content-encoding',
  'content-range',
  'transfer-encoding',
  'connection',
  'trailer',
])

/** The stored fields, with those of a newer answer in place of their own. */
export function mergedFields(stored: HeaderList, newer: HeaderList): HeaderList {
  const merged = stored.copy()
  const keys = new Set<string>()
  for (const [name] of newer) {
    const key = name.toLowerCase()
    if (!KEPT.has(key)) keys.add(key)
  }
  // What says nothing of its time is from now (RFC 9110, section 6.6.1); the stored date is that of an older answer.
  keys.add('date')
  merged.deleteWhere((key) => keys.has(key))
  for (const [name, value] of newer) if (keys.has(name.toLowerCase())) merged.append(name, value)
  return merged
}

/** Whether the answer to a HEAD is about what is stored (section 4.3.5). */
export function describesStored(answer: HeaderList, stored: HeaderList): boolean {
  for (const name of ['etag', 'last-modified', 'content-length']) {
    const value = answer.get(name)
    if (value !== undefined && value !== stored.get(name)) return false
  }
  return true
}
