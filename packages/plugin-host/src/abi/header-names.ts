/** What a plugin may do with a field of a name: asked of its grants once for each name. */
import { isToken } from '@sluice/wire'
import { type Capabilities, isNeverWritten } from '../manifest/capabilities.ts'
import { REPLY, REQUEST } from './sluice-v1.ts'

/** A name as a guest spells it. */
export interface NameGrant {
  readonly name: string
  /** In lower case. */
  readonly key: string
  /** Of the fields of the request, and of the reply: by `kind`. */
  readonly read: readonly [request: boolean, reply: boolean]
  readonly write: readonly [request: boolean, reply: boolean]
  /** Whether writing it is a fault: no token, or a field that is the proxy's own. */
  readonly forbidden: boolean
}

/** A guest can make up names without end; then they are looked up each time. */
const MAX_REMEMBERED = 1_024

/** The names of one plugin. */
export class HeaderNames {
  readonly #capabilities: Capabilities
  readonly #grants = new Map<string, NameGrant>()

  constructor(capabilities: Capabilities) {
    this.#capabilities = capabilities
  }

  readonly of = (name: string): NameGrant => {
    const known = this.#grants.get(name)
    if (known !== undefined) return known
    const { requestHeaders, replyHeaders } = this.#capabilities
    const key = name.toLowerCase()
    const grant: NameGrant = {
      name,
      key,
      read: [requestHeaders.mayRead(key), replyHeaders.mayRead(key)],
      write: [requestHeaders.mayWrite(key), replyHeaders.mayWrite(key)],
      forbidden: !isToken(name) || isNeverWritten(key),
    }
    if (this.#grants.size < MAX_REMEMBERED) this.#grants.set(name, grant)
    return grant
  }
}

/** Whether a guest's number names a head or a body. */
export function isKind(kind: number): kind is 0 | 1 {
  return kind === REQUEST || kind === REPLY
}
