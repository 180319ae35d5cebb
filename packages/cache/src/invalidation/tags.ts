/** Names under which responses are purged together: `Surrogate-Key`, `Cache-Tag`, and cache groups (RFC 9875). */
import type { HeaderList } from '@sluice/wire'
import { listMembers } from '../directives/quoted-string.ts'
import { parseList } from '../directives/structured-fields.ts'

/** More than this is no list of tags, and what has it is not stored: a purge must find all that it means. */
const MAX_TAGS = 512
const MAX_CHARS = 32_768
const NO_TAGS: readonly string[] = Object.freeze([])

/**
 * How a cache group is spelled as a tag: groups mean something within their origin only (RFC 9875, section 2). `origin` is
 * `scheme://authority`.
 */
export function cacheGroupTag(origin: string, group: string): string {
  return `group ${origin} ${group}`
}

/** The tags of a response; `undefined` where there are too many. */
export function tagsOf(headers: HeaderList, fields: readonly string[], origin: string): readonly string[] | undefined {
  const groups = groupsOf(headers.get('cache-groups'))
  if (groups.length === 0 && !fields.some((field) => headers.has(field))) return NO_TAGS
  const tags = new Set<string>()
  let chars = 0
  for (const field of fields) {
    const value = headers.get(field)
    if (value === undefined) continue
    chars += value.length
    if (chars > MAX_CHARS) return undefined
    for (const tag of field === 'surrogate-key' ? value.split(/[\s,]+/) : listMembers(value))
      if (tag !== '') tags.add(tag)
  }
  for (const group of groups) tags.add(cacheGroupTag(origin, group))
  return tags.size <= MAX_TAGS ? [...tags] : undefined
}

/** The groups that a field names, a list of strings; none where it is malformed (section 2.1). */
export function groupsOf(value: string | undefined): string[] {
  const members = value === undefined ? undefined : parseList(value)
  if (members === undefined || members.length > MAX_TAGS) return []
  return members.every((each) => typeof each === 'string') ? members : []
}
