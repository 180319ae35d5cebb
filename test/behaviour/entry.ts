/** A way into a proxy: how a request gets there and what can be seen of the reply. */
import type { AnyProxy, Arrival, CaseRequest } from './behaviour-case.ts'

/** A header or trailer field. */
export type Field = readonly [name: string, value: string]

/** What a client saw. */
export interface Observed {
  readonly status: number
  readonly headers: readonly Field[]
  readonly body: Buffer
  /** Missing where this way in has no place for trailers. */
  readonly trailers: readonly Field[] | undefined
}

/** Called once the reply's body contains a text. */
export interface Watch {
  readonly text: string
  readonly seen: () => void
}

/** An entry in use. */
export interface OpenEntry {
  send(request: CaseRequest, watch: Watch | undefined): Promise<Observed>
  /** Frees what the entry opened; the proxy is closed by whoever made it. */
  close(): Promise<void>
}

/** A way in. */
export interface Entry {
  readonly name: string
  /** Whether a framework answers what no route matches, by {@link NOT_FOUND}. */
  readonly isMounted: boolean
  /** @default HTTP/1.1 without TLS */
  readonly arrival?: Arrival
  open(proxy: AnyProxy): Promise<OpenEntry>
}

/** How clients come where an entry says nothing of it. */
export const PLAIN: Arrival = { scheme: 'http', httpVersion: '1.1' }

/** What the frameworks' own not-found handlers say here. */
export const NOT_FOUND = 'the framework found nothing'

/** The fields of a request as they would stand on the wire: with `Host` and the framing that the body asks for. */
export function fieldsOf(request: CaseRequest): Field[] {
  const fields: Field[] = [['Host', request.host ?? 'gateway.test'], ...(request.headers ?? [])]
  if (request.chunks !== undefined) fields.push(['Transfer-Encoding', 'chunked'])
  else if (request.body !== undefined) fields.push(['Content-Length', String(Buffer.from(request.body).byteLength)])
  return fields
}

/** Gathers a body as it comes, and says when the watched text is in it. */
export class BodyCollector {
  readonly #watch: Watch | undefined
  #body: Buffer = Buffer.alloc(0)
  #hasSeen = false

  constructor(watch: Watch | undefined) {
    this.#watch = watch
  }

  get body(): Buffer {
    return this.#body
  }

  add(chunk: Uint8Array): void {
    this.#body = Buffer.concat([this.#body, chunk])
    if (this.#hasSeen || this.#watch === undefined || !this.#body.includes(this.#watch.text)) return
    this.#hasSeen = true
    this.#watch.seen()
  }
}
