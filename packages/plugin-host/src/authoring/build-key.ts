/**
 * What a module was made of, as one hash: the plugin's sources, the kit's, and the compiler with its flags. Under it a module is kept,
 * so that nothing is compiled twice.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { extname, join, relative } from 'node:path'
import type { Toolchain } from './toolchain.ts'

const SOURCES = new Set(['.ts', '.c', '.h', '.rs', '.wat'])
/** Of AssemblyScript: the compiler reads it by itself. */
const COMPILER_OPTIONS = 'asconfig.json'
const NOT_SOURCES = new Set(['dist', 'node_modules'])

/** 64 hexadecimal digits. */
export async function buildKey(folder: string, entry: string, toolchain: Toolchain): Promise<string> {
  const hash = createHash('sha256').update(`${toolchain.identity}\n${entry}\n`)
  for (const root of [folder, ...toolchain.kits]) {
    for (const path of (await sourcesOf(root)).toSorted()) {
      const text = await readFile(path)
      hash.update(`${relative(root, path)} ${text.length}\n`).update(text)
    }
  }
  return hash.digest('hex')
}

async function sourcesOf(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true })
  const found = await Promise.all(
    entries.map(async (entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return NOT_SOURCES.has(entry.name) ? [] : await sourcesOf(path)
      return SOURCES.has(extname(entry.name)) || entry.name === COMPILER_OPTIONS ? [path] : []
    }),
  )
  return found.flat()
}
