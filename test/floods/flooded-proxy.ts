/** The flooded proxy and the target of attackers, each in a process of its own, as their parent sees them; others have a target here. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Child } from './child.ts'
import type { FloodedState } from './flooded-process.ts'

export interface FloodedProxy {
  readonly ports: { readonly plain: number; readonly secure: number }
  /** Whether it still runs, having said nothing on its standard error. */
  readonly isWell: boolean
  look(): Promise<FloodedState>
  /** How many requests of attackers have come to their target since this was last asked. */
  attacks(): Promise<number>
  close(): Promise<void>
}

export async function floodedProxy(): Promise<FloodedProxy> {
  const ordinary = createServer({ keepAliveTimeout: 0 }, (_request, response) => response.end('ok'))
  ordinary.listen(0, '127.0.0.1')
  await once(ordinary, 'listening')
  const attacked = new Child('target-process.ts')
  const targets = [(ordinary.address() as AddressInfo).port, (await attacked.message()) as number]
  const proxy = new Child('flooded-process.ts', ...targets.map((port) => `http://127.0.0.1:${port}`))
  return {
    ports: (await proxy.message()) as FloodedProxy['ports'],
    get isWell() {
      if (proxy.errors !== '') process.stderr.write(proxy.errors)
      return proxy.isRunning && proxy.errors === ''
    },
    look: async () => (await proxy.ask()) as FloodedState,
    attacks: async () => (await attacked.ask()) as number,
    async close() {
      await proxy.close()
      await attacked.close()
      ordinary.closeAllConnections()
      ordinary.close()
    },
  }
}
