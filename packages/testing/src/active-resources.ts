/** What keeps the process busy: for tests that say that nothing was left behind. */

/**
 * How many resources of each kind the event loop knows, such as `TCPSocketWrap`, `TCPServerWrap` or `Timeout`. Compare it
 * with what it was before: a test runner has sockets and timers of its own. Timers that were `unref`ed are not in it.
 */
export function activeResources(): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo()) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}
