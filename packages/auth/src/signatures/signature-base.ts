/**
 * What is signed (RFC 9421, section 2.5): a line for each component that is covered, and one that says which they are. It is made of the
 * identifiers as they are written in `Signature-Input`, so that both sides sign the same letters.
 */
import { type InnerList, serializeInnerList, serializeItem } from 'structured-headers'
import { ComponentError, componentValue } from './components.ts'
import type { SignedMessage } from './signed-message.ts'

/** @throws {ComponentError} where a component is not there, is covered twice, or has a line break in it */
export function signatureBase(input: InnerList, message: SignedMessage): string {
  const seen = new Set<string>()
  let base = ''
  for (const item of input[0]) {
    const identifier = serializeItem(item)
    if (seen.has(identifier)) throw new ComponentError('a component that is covered twice')
    seen.add(identifier)
    const value = componentValue(item, message)
    // A parser lets none pass; but a line that ended early would be another component.
    if (/[\r\n]/.test(value)) throw new ComponentError('a value with a line break')
    base += `${identifier}: ${value}\n`
  }
  return `${base}"@signature-params": ${serializeInnerList(input)}`
}
