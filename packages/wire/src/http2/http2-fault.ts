/** What a peer does wrong: an error of its connection, which ends it with GOAWAY (RFC 9113, section 5.4.1). */

export class Http2Fault extends Error {
  readonly code = 'ERR_SLUICE_HTTP2'
  /** Of RFC 9113, section 7. */
  readonly http2Code: number

  constructor(http2Code: number, message: string) {
    super(message)
    this.name = 'Http2Fault'
    this.http2Code = http2Code
  }
}
