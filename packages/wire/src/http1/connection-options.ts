/** The `Connection` field (RFC 9110, section 7.6.1). */
import type { HeaderList } from '../header-list.ts'
import { maskOf } from '../header-names.ts'

const CONNECTION = maskOf('connection')

/** Whether a lower-case list has this option. Most lists have one item, and are compared as a whole. */
export function hasOption(list: string, option: string): boolean {
  if (list === option) return true
  return list.includes(option) && list.split(',').some((each) => each.trim() === option)
}

/** Whether the sender of a message wants the connection kept (RFC 9112, section 9.3). */
export function asksToPersist(headers: HeaderList, httpVersion: '1.0' | '1.1'): boolean {
  if (!headers.hasAny(CONNECTION)) return httpVersion === '1.1'
  const options = headers.get('connection')!.toLowerCase()
  if (hasOption(options, 'close')) return false
  return httpVersion === '1.1' || hasOption(options, 'keep-alive')
}

/** Whether what comes behind a request may already be meant for the protocol that it asks to switch to. */
export function mayBelongToAnother(headers: HeaderList): boolean {
  return (
    headers.hasAny(CONNECTION) &&
    headers.has('upgrade') &&
    hasOption(headers.get('connection')!.toLowerCase(), 'upgrade')
  )
}
