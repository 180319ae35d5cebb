/** What our reader may accept though Node's does not, and where it says so. */
import { METHODS } from 'node:http'
import type { LegalKind } from './compare.ts'

const ANY_MESSAGE: readonly LegalKind[] = [
  {
    name: 'a tab behind the value of a field that frames',
    source: 'RFC 9110, section 5.6.3: optional whitespace may be a tab; Node takes it for a part of the value',
    matches: (_message, sent) => /^(?:transfer-encoding|content-length|connection):.*\t/im.test(sent),
    mayBeReadOtherwise: true,
  },
]

/** Origin form, asterisk, and absolute form with a plain host: all that gets past the entrance. */
const ENTRANCE_FORMS = /^(?:\/|\*$|https?:\/\/(?:[a-z0-9._~-]+|\[[0-9a-f:.]+\])(?::\d*)?(?:[/?]|$))/i

/** `0`, then a trailer section with a Connection field in it. */
const CONNECTION_TRAILER = /^0+(?:;[^\r\n]*)?\r\n(?:[^\r\n]+\r\n)*connection:/im

export const LEGAL_REQUESTS: readonly LegalKind[] = [
  ...ANY_MESSAGE,
  {
    name: 'a request behind one whose trailers have a Connection field',
    source: 'RFC 9110, section 6.5.1: a trailer does not control the connection; for Node it does, and it closes',
    matches: (_message, sent) => CONNECTION_TRAILER.test(sent),
  },
  {
    name: 'a method that Node does not know',
    source: 'RFC 9110, section 9.1: a method is any token',
    matches: ({ start }) => !METHODS.includes(methodOf(start)),
  },
  {
    name: 'a target in a form that the entrance refuses',
    source: 'RFC 9112, section 3.2: the parser takes visible characters; which form they have is checked behind it',
    matches: ({ start }) => !ENTRANCE_FORMS.test(start.slice(methodOf(start).length + 1)),
  },
]

export const LEGAL_REPLIES: readonly LegalKind[] = [...ANY_MESSAGE]

function methodOf(start: string): string {
  return start.slice(0, start.indexOf(' '))
}
