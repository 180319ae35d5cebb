/**
 * How a reply that is complete is told from one that was reset. Node ends the readable side of a stream in either case, where a
 * reset has no error (or a cancel) for a reason also without an `error`; a moment later the two look the same. What tells them
 * apart is whether the stream was closed when its end was put behind what had come: END_STREAM comes first, a reset closes.
 */
import type { ClientHttp2Stream } from 'node:http2'

/** Calls back where the target ends its side by END_STREAM, before what it sent is all read. */
export function watchEnd(stream: ClientHttp2Stream, ended: () => void): void {
  const push = stream.push.bind(stream)
  const watched = (chunk: unknown, encoding?: BufferEncoding): boolean => {
    if (chunk === null && !stream.closed) ended()
    return push(chunk, encoding)
  }
  stream.push = watched
}
