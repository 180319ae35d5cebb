/**
 * A session that ends a turn later than it is told to. Node itself ends one in the middle of what it has read: on GOAWAY, on an
 * acknowledgement that nobody waits for, on what is malformed. For the streams that follow in the same piece there is nobody
 * in JavaScript then, and in Node 22 the first of their DATA frames aborts the whole process, by an assertion of the
 * engine's. A turn later all that was read has been dealt with.
 */
import type { ServerHttp2Session } from 'node:http2'

/** What nghttp2 can't go on behind; told when it has stopped reading, and nothing more may be given to it. */
const LEAST_FATAL = -900

/** What Node calls by these names is put off, and so is what anybody else does. `ending` is told at once. */
export function deferEnding(session: ServerHttp2Session, ending: () => void): void {
  const close = session.close.bind(session)
  const destroy = session.destroy.bind(session)
  session.close = (callback) => void setImmediate(() => close(callback))
  session.destroy = (error, code) => {
    ending()
    if (isFatal(error)) destroy(error, code)
    else setImmediate(() => destroy(error, code))
  }
}

function isFatal(error: unknown): boolean {
  const { errno } = (error ?? {}) as { errno?: unknown }
  return typeof errno === 'number' && errno <= LEAST_FATAL
}
