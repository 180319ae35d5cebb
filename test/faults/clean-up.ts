/** What a test has opened is closed after it, the last first, whether it passed or not. */
import { afterEach } from 'vitest'

interface Closable {
  close(): unknown
}

/** Takes what has to be closed, and hands it back. */
export interface Closing {
  <T extends Closable>(opened: T): T
  /** Closes everything now. */
  done(): Promise<void>
}

/** Registers for the calling file. */
export function closing(): Closing {
  const open: Closable[] = []
  const done = async (): Promise<void> => {
    const errors: unknown[] = []
    for (const each of open.splice(0).toReversed()) {
      try {
        await each.close()
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, `closing failed: ${errors.map(String).join('; ')}`)
  }
  afterEach(done)
  const take = <T extends Closable>(opened: T): T => {
    open.push(opened)
    return opened
  }
  return Object.assign(take, { done })
}
