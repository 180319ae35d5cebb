import { hash } from 'node:crypto'
/**
 * Keeps two processes from the same directory, each of which would remove the other's files. On Linux it is a socket in the abstract
 * namespace, which ends with its process however that ends; elsewhere there is none.
 */
import { once } from 'node:events'
import { realpath } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'

export class DirectoryLock {
  readonly #server: Server = createServer((socket) => socket.destroy())

  /** Once it is taken, it stays so. @throws where another process has it */
  async take(directory: string): Promise<void> {
    if (process.platform !== 'linux' || this.#server.listening) return
    const name = `\0sluice-cache-${hash('sha256', await realpath(directory))}`
    this.#server.unref()
    this.#server.listen(name)
    try {
      await once(this.#server, 'listening')
    } catch (cause) {
      throw new Error(`another store has the directory ${directory}`, { cause })
    }
    this.#server.on('error', () => {})
  }

  release(): void {
    this.#server.close()
  }
}
