/**
 * What Linux says about a running process: processor time and resident memory, from /proc.
 *
 * A proxy may be one process (Node, HAProxy), a master with workers (nginx), or either of these below a launcher. What
 * serves requests is always at the tips of that tree, so figures are summed over the descendants that have no children.
 */
import { readdirSync, readFileSync } from 'node:fs'

/** Linux reports processor time to user space in hundredths of a second, whatever the kernel's own tick is. */
const TICKS_PER_SECOND = 100
const KIB = 1024

/** The process and all below it, parents first. */
export function processTree(root) {
  const tree = [root]
  for (const pid of tree) tree.push(...childrenOf(pid))
  return tree
}

/** The processes of the tree that do the serving. */
export function servingProcesses(root) {
  return processTree(root).filter((pid) => childrenOf(pid).length === 0)
}

/**
 * User and system time in seconds, all threads included, finished ones too: garbage collection and compilation in V8's
 * helper threads are part of what a Node proxy costs. The kernel scales these two by its nanosecond accounting, so only
 * the last tick is lost: a quarter of a percent over four busy seconds.
 */
export function cpuSeconds(pids) {
  return sum(pids, (pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // The command's name may hold spaces and parentheses; what follows its last parenthesis is regular.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
  })
}

/** Resident memory in bytes. */
export function residentBytes(pids) {
  return sum(
    pids,
    (pid) => Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? 0) * KIB,
  )
}

/** A process may start children from any of its threads; each thread lists its own. */
function childrenOf(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, 'latin1').split(' ').filter(Boolean).map(Number),
    )
  } catch {
    return [] // It has ended meanwhile.
  }
}

function sum(items, of) {
  return items.reduce((total, item) => total + of(item), 0)
}
