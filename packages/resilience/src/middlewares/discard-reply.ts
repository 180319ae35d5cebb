/** What becomes of a reply that is not used: its connection must not wait for a reader who never comes. */
import { type Exchange, InternalError, type Reply } from '@sluice/core'

/** Gives up a branch that another took the place of, with its reply where that had come. No target is blamed for it. */
export function discardBranch(branch: Exchange, reply: Reply | undefined): void {
  const error = new InternalError('ERR_SLUICE_SUPERSEDED')
  if (reply !== undefined) {
    reply.tunnel?.destroy()
    reply.body.cancel(error)
  }
  // The request's body may still be on its way, behind a reply that has none.
  branch.abort(error)
}
