/**
 * Decides which functions take from the count of the stack, and how much. To count every call would cost a module of many
 * small functions 10 to 20 %. It is enough that one function counts in every circle of calls: it takes for itself and for those
 * between it and the next that counts. What calls through a table counts, and what a table may lead to does, unless all that
 * follows is a chain that does not count. Such chains are short, and at most two of them are on the stack: one before the
 * first function that counts, one behind the last.
 */

/** A function of the module, its calls by the places of functions in the same list. */
export interface CallNode {
  /** What a call takes, in bytes. */
  readonly frameBytes: number
  readonly callees: readonly number[]
  readonly callsIndirectly: boolean
}

/** The longest chain of calls that need not count, in bytes. */
export const LONGEST_CHAIN = 16_384

/**
 * What each takes at its entry, and gives back when it ends; 0 where it does not count.
 * `isReferenced`: whether a table or a reference may lead to a function.
 */
export function stackCharges(functions: readonly CallNode[], isReferenced: (index: number) => boolean): number[] {
  const counts = functions.map(({ callsIndirectly }) => callsIndirectly)
  const order = visit(functions, (index) => (counts[index] = true))
  /** The longest chain that begins with a function, and the longest that leads to one that counts; -1 for none. */
  const chains = functions.map(() => 0)
  const ways = functions.map(() => -1)
  // Callees come before their callers, but for those that a circle comes back to, which count for themselves.
  for (const index of order) {
    const { frameBytes, callees } = functions[index]!
    let chain = 0
    let way = -1
    for (const callee of callees) {
      chain = Math.max(chain, counts[callee] ? 0 : chains[callee]!)
      way = Math.max(way, counts[callee] ? 0 : ways[callee]!)
    }
    chains[index] = frameBytes + chain
    if (chains[index] > LONGEST_CHAIN || (way >= 0 && isReferenced(index))) counts[index] = true
    if (way >= 0 || counts[index]) ways[index] = frameBytes + Math.max(way, 0)
  }
  return ways.map((bytes, index) => (counts[index] ? bytes : 0))
}

/** Depth first; tells of each function that a circle of calls comes back to. The order is that in which they are left. */
function visit(functions: readonly CallNode[], onReturn: (index: number) => void): number[] {
  const NEW = 0
  const OPEN = 1
  const LEFT = 2
  const states = new Uint8Array(functions.length)
  const order: number[] = []
  for (let root = 0; root < functions.length; root++) {
    if (states[root] !== NEW) continue
    const path = [{ index: root, next: 0 }]
    states[root] = OPEN
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const callee = functions[top.index]!.callees[top.next++]
      if (callee === undefined) {
        states[top.index] = LEFT
        order.push(top.index)
        path.pop()
      } else if (states[callee] === OPEN) onReturn(callee)
      else if (states[callee] === NEW) {
        states[callee] = OPEN
        path.push({ index: callee, next: 0 })
      }
    }
  }
  return order
}
