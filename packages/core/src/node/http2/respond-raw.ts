/**
 * Begins a reply from a flat list of its fields, which spares the engine an object with as many properties. Node takes such
 * lists from 22.20 and 24.7 on; before, they are made into an object.
 */
import type { ServerHttp2Stream, ServerStreamResponseOptions } from 'node:http2'
import { fieldsByName, withoutRefused } from './reply-fields.ts'

type Options = ServerStreamResponseOptions & { readonly sendDate?: boolean }

// How replies are begun. The objects are shared: the engine only reads them.
export const WITH_BODY: Options = Object.freeze({ sendDate: false })
export const WITHOUT_BODY: Options = Object.freeze({ sendDate: false, endStream: true })
export const WITH_TRAILERS: Options = Object.freeze({ sendDate: false, waitForTrailers: true })

/** Found out with the first reply. */
let takesLists = true

/** Throws where the stream is gone. */
export function respondRaw(stream: ServerHttp2Stream, fields: readonly string[], options: Options): void {
  try {
    return begin(stream, fields, options)
  } catch (error) {
    const { code } = error as { code?: string }
    if (code === 'ERR_INVALID_ARG_TYPE' && takesLists) {
      takesLists = false
      return respondRaw(stream, fields, options)
    }
    // What an upstream has said in HTTP/1.1 can be more than the engine lets pass.
    if (code !== 'ERR_HTTP2_HEADER_SINGLE_VALUE' && code !== 'ERR_HTTP2_INVALID_CONNECTION_HEADERS') throw error
    begin(stream, withoutRefused(fields), options)
  }
}

function begin(stream: ServerHttp2Stream, fields: readonly string[], options: Options): void {
  stream.respond(takesLists ? fields : fieldsByName(fields), options)
}
