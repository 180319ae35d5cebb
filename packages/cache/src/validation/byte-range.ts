/** One range of bytes (RFC 9110, section 14). Of several ranges none is served: the whole is a right answer, and no amplifier. */

/** Bytes from `start` up to and without `end`. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

const SINGLE = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i

/**
 * The range that a field asks for of `length` bytes; `'unsatisfiable'`, which is 416; or `undefined` where the field is to be ignored:
 * another unit, several ranges, or malformed (section 14.2). Never throws.
 */
export function parseRange(field: string, length: number): ByteRange | 'unsatisfiable' | undefined {
  const match = SINGLE.exec(field)
  if (match === null) return undefined
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return undefined
  if (first === '') {
    const count = Number(last)
    return count === 0 || length === 0 ? 'unsatisfiable' : { start: Math.max(0, length - count), end: length }
  }
  const start = Number(first)
  if (last !== '' && Number(last) < start) return undefined
  if (start >= length) return 'unsatisfiable'
  return { start, end: last === '' ? length : Math.min(length, Number(last) + 1) }
}

/** `Content-Range` of a part. */
export function contentRange({ start, end }: ByteRange, total: number): string {
  return `bytes ${start}-${end - 1}/${total}`
}

/** Where a part belongs, as its `Content-Range` says; `undefined` where that is not known whole. */
export function parseContentRange(field: string | undefined): (ByteRange & { readonly total: number }) | undefined {
  const match = field === undefined ? null : /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/i.exec(field)
  if (match === null) return undefined
  const [start, last, total] = [Number(match[1]), Number(match[2]), Number(match[3])]
  return start <= last && last < total ? { start, end: last + 1, total } : undefined
}
