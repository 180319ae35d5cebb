/**
 * Attackers, each of whom comes back when it is cut off, until their parent is gone. Its arguments: the ports, the flood's number, and how
 * many they are. Asked by its parent, it tells how many connections they have had.
 */
import { constants, setPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { Attacker } from './attacker.ts'
import { FLOODS, pour } from './floods.ts'

// In life it is another machine: it is not to take processor time from the proxy and from those who are measured.
setPriority(constants.priority.PRIORITY_LOW)

const BACK_AFTER_MS = 100
/** One that has poured out all it has stays for so long at most. */
const STAYS_MS = 2_000

const [plain, secure, index, count] = process.argv.slice(2).map(Number) as [number, number, number, number]
const flood = FLOODS[index]!
let connections = 0

async function live(isSecure: boolean): Promise<void> {
  for (;;) {
    const port = isSecure ? secure : plain
    const attacker = await Attacker.connect({ port, isSecure, settings: flood.settings ?? [] })
    connections++
    await pour(flood, attacker)
    for (let waited = 0; waited < STAYS_MS && !attacker.isOver; waited += BACK_AFTER_MS) await sleep(BACK_AFTER_MS)
    attacker.close()
    await sleep(BACK_AFTER_MS)
  }
}

process.on('message', () => process.send!(connections))
process.once('disconnect', () => process.exit())
await Promise.all(Array.from({ length: count }, async (_, i) => await live(i % 2 === 0)))
