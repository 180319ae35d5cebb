/** What a fake upstream remembers of a request: the same for a request that came over a socket and for one that did not. */

/** A header or trailer field, in the spelling it arrived in. */
export type RecordedField = readonly [name: string, value: string]

/** A request as it arrived. It is recorded with its head; the rest fills in as it comes. */
export interface RecordedRequest {
  readonly method: string
  /** The request target as sent, with its query. */
  readonly path: string
  /**
   * In order, duplicates included. Over a socket, fields that only concern the connection (`Connection`) are among them;
   * in process there is no connection to speak of.
   */
  readonly headers: readonly RecordedField[]
  /** What has arrived of the body: all of it once {@link complete}. */
  readonly body: Buffer
  readonly trailers: readonly RecordedField[]
  /** The key of the target that was asked: for an upstream that listens, its URL. */
  readonly target: string
  /** Whether the request has arrived to its end. */
  readonly complete: boolean
  /** Whether the other side gave it up: it went away, or cancelled, before the request or its answer was complete. */
  readonly aborted: boolean
  /** The value of a field, whatever its case; several are joined with `", "`. */
  header(name: string): string | undefined
}

/** The writable side of a {@link RecordedRequest}. */
export class ArrivingRequest implements RecordedRequest {
  readonly method: string
  readonly path: string
  readonly headers: readonly RecordedField[]
  readonly target: string
  trailers: readonly RecordedField[] = []
  complete = false
  aborted = false
  #body: Buffer = Buffer.alloc(0)
  #chunks: Uint8Array[] = []

  constructor(method: string, path: string, headers: readonly RecordedField[], target: string) {
    this.method = method
    this.path = path
    this.headers = headers
    this.target = target
  }

  get body(): Buffer {
    if (this.#chunks.length > 0) {
      this.#body = Buffer.concat([this.#body, ...this.#chunks])
      this.#chunks = []
    }
    return this.#body
  }

  header(name: string): string | undefined {
    const key = name.toLowerCase()
    const values = this.headers.filter(([each]) => each.toLowerCase() === key).map(([, value]) => value)
    return values.length === 0 ? undefined : values.join(', ')
  }

  append(chunk: Uint8Array): void {
    this.#chunks.push(chunk)
  }

  end(trailers: readonly RecordedField[]): void {
    this.trailers = trailers
    this.complete = true
  }
}

/** Fields from the flat form that parsers deliver. */
export function fieldsOf(flat: readonly string[]): RecordedField[] {
  const fields: RecordedField[] = []
  for (let i = 0; i + 1 < flat.length; i += 2) fields.push([flat[i] ?? '', flat[i + 1] ?? ''])
  return fields
}
