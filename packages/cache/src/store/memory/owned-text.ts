/**
 * Strings of a store's own. A field's value is a piece of the head it came in, which may be a piece of a whole read: to keep the one
 * keeps the other in memory. Copied, a string is what it looks like, and can be counted.
 */
import { isStringOneByteRepresentation } from 'node:v8'

/** Methods of every Buffer; called by themselves they spare the look-up of the encoding. */
interface RawStrings {
  latin1Write(text: string, at: number): number
  latin1Slice(from: number, to: number): string
}

const scratch = Buffer.allocUnsafeSlow(65_536)
const raw = scratch as unknown as RawStrings

/** The same characters, in a string that shares memory with no other. */
export function ownText(text: string): string {
  if (!isStringOneByteRepresentation(text)) return Buffer.from(text, 'utf16le').toString('utf16le')
  if (text.length > scratch.length) return Buffer.from(text, 'latin1').toString('latin1')
  raw.latin1Write(text, 0)
  return raw.latin1Slice(0, text.length)
}
