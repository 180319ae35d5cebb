/**
 * Where things are in the directory:
 *
 *     heads/a/<digest of the key>   an entry: its head, and its body where that is small
 *     bodies/a/<random>             the body of another one
 *     new/<random>                   a head that is being written
 *
 * Names are digests and random: nothing that a client sends becomes a part of a path.
 */
import { hash, randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

const BLOCK_BYTES = 4_096
const RANDOM_BYTES = 16
/** Few, since each is listed at the start; file systems find a name among a hundred thousand as well. */
const FOLDERS: readonly string[] = '0123456789abcdef'.split('')

export class DiskLayout {
  readonly #directory: string

  constructor(directory: string) {
    this.#directory = directory
  }

  async make(): Promise<void> {
    await mkdir(join(this.#directory, 'new'), { recursive: true })
    for (const folder of FOLDERS) {
      await mkdir(join(this.#directory, 'heads', folder), { recursive: true })
      await mkdir(join(this.#directory, 'bodies', folder), { recursive: true })
    }
  }

  get newFolder(): string {
    return join(this.#directory, 'new')
  }

  get headFolders(): readonly string[] {
    return FOLDERS.map((folder) => join(this.#directory, 'heads', folder))
  }

  get bodyFolders(): readonly string[] {
    return FOLDERS.map((folder) => join(this.#directory, 'bodies', folder))
  }

  head(name: string): string {
    return join(this.#directory, 'heads', name[0]!, name)
  }

  body(name: string): string {
    return join(this.#directory, 'bodies', name[0]!, name)
  }

  newHead(): string {
    return join(this.newFolder, randomName())
  }
}

/** What an entry's head is called. */
export function nameOfKey(key: string): string {
  return hash('sha256', key, 'hex')
}

export function randomName(): string {
  return randomBytes(RANDOM_BYTES).toString('hex')
}

/** What a file of so many bytes takes. */
export function bytesOnDisk(length: number): number {
  return Math.ceil(length / BLOCK_BYTES) * BLOCK_BYTES
}
