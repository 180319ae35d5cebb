/** Which values a field may have in HTTP/2 (RFC 9113, section 8.2.1): those of RFC 9110, without white space at either end. */
import { isFieldValue } from '../header-syntax.ts'

const SPACE = 0x20

export function isFieldText(value: string): boolean {
  const { length } = value
  if (length === 0) return true
  if (value.charCodeAt(0) <= SPACE || value.charCodeAt(length - 1) <= SPACE) return false
  return isFieldValue(value)
}
