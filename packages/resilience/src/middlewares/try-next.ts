/** One try with a time limit of its own. */
import { type Exchange, type Handler, type Reply, UpstreamError } from '@sluice/core'
import { discardBranch } from './discard-reply.ts'

/**
 * Calls `next`, and rejects with `ERR_SLUICE_TRY_TIMEOUT` when no head has come in time, whatever stands below does then.
 * The time is over with the head: a body may take longer. 0 for no limit.
 */
export async function tryNext(branch: Exchange, next: Handler, timeoutMs: number): Promise<Reply> {
  if (timeoutMs === 0) return await next(branch)
  let isLate = false
  let expire!: (error: Error) => void
  const expiry = new Promise<never>((_resolve, reject) => (expire = reject))
  const timer = branch.clock.schedule(timeoutMs, () => {
    isLate = true
    const error = new UpstreamError('ERR_SLUICE_TRY_TIMEOUT', { target: branch.attempts.at(-1)?.target.key })
    branch.abort(error)
    expire(error)
  })
  const call = async (): Promise<Reply> => {
    const reply = await next(branch)
    if (isLate) discardBranch(branch, reply)
    return reply
  }
  try {
    return await Promise.race([call(), expiry])
  } finally {
    timer.cancel()
  }
}
