/** What a process may accumulate: counted while nothing is under way, and compared. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { activeResources } from '@sluice/testing'

/** One look at a quiet process. */
export interface Leftovers {
  readonly heapBytes: number
  readonly sockets: number
  readonly timers: number
  /** Event listeners on all that lives as long as the process. */
  readonly listeners: number
}

/** Objects that outlive requests, gathered from where Node and undici announce them. */
export interface LongLived {
  count(): number
  stop(): void
}

/** Starts to gather: the servers that get requests, and the process. */
export function gatherLongLived(): LongLived {
  const emitters = new Set<EventEmitter>([process])
  const onRequest = (message: unknown): void => void emitters.add((message as { server: EventEmitter }).server)
  subscribe('http.server.request.start', onRequest)
  return {
    count() {
      let listeners = 0
      for (const emitter of emitters) for (const name of emitter.eventNames()) listeners += emitter.listenerCount(name)
      return listeners
    },
    stop: () => void unsubscribe('http.server.request.start', onRequest),
  }
}

const GC_ROUNDS = 6

export async function look(longLived: LongLived): Promise<Leftovers> {
  const collect = collector()
  // Finalisers and closing handles take a few turns.
  for (let i = 0; i < GC_ROUNDS; i++) {
    collect()
    await sleep(20)
  }
  const resources = activeResources()
  return {
    heapBytes: process.memoryUsage().heapUsed,
    sockets: (resources['TCPSocketWrap'] ?? 0) + (resources['ConnectWrap'] ?? 0),
    timers: resources['Timeout'] ?? 0,
    listeners: longLived.count(),
  }
}

/** `gc()`, whether or not the process was started with it. */
function collector(): () => void {
  const { gc } = globalThis
  if (gc !== undefined) return () => gc()
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}
