/** Where the entries of a list of addresses come from: the options themselves, a file, or a function. */
import { hash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { ConfigError } from '@sluice/core'

/** What was read, with the place of each entry for whoever has to correct it. */
export interface CidrEntries {
  readonly entries: readonly string[]
  readonly placeOf: (index: number) => string
  /** Tells one content from another, without its being kept. */
  readonly digest: string
}

/** A source that may have something else to say later. */
export interface CidrSource {
  /** What is there before anybody asks; missing where it takes a while to find out. */
  readonly first: CidrEntries | undefined
  read(): Promise<CidrEntries>
  /** Whether it can be seen half-written: then two readings have to agree. */
  readonly isTorn: boolean
}

/** One address or range a line; what follows `#` or `;` is a comment, as in the lists that are published. */
export function fileSource(file: string, at: string): CidrSource {
  const fail = (cause: unknown) => new ConfigError(at, `can not be read: ${(cause as Error).message}`, { cause })
  const attempt = (): string => {
    try {
      return readFileSync(file, 'utf8')
    } catch (cause) {
      throw fail(cause)
    }
  }
  return {
    first: linesOf(attempt(), at),
    isTorn: true,
    read: async () =>
      linesOf(
        await readFile(file, 'utf8').catch((cause: unknown) => {
          throw fail(cause)
        }),
        at,
      ),
  }
}

function linesOf(text: string, at: string): CidrEntries {
  const entries: string[] = []
  const lines: number[] = []
  text.split('\n').forEach((line, index) => {
    const entry = line.replace(/[#;].*/s, '').trim()
    if (entry === '') return
    entries.push(entry)
    lines.push(index + 1)
  })
  return { entries, placeOf: (index) => `${at}: line ${lines[index]}`, digest: hash('sha256', text) }
}

/** A function that gives the entries, now or later. */
export function loadedSource(load: () => readonly string[] | Promise<readonly string[]>, at: string): CidrSource {
  const first = firstOf(load, at)
  let pending = first instanceof Promise ? first : undefined
  // Whoever reads it sees how it ends; nobody may until then.
  pending?.catch(() => {})
  return {
    first: first instanceof Promise ? undefined : listed(first, at),
    isTorn: false,
    read: async () => {
      const reading = pending ?? load()
      pending = undefined
      return listed(await reading, at)
    },
  }
}

function firstOf(load: () => readonly string[] | Promise<readonly string[]>, at: string): ReturnType<typeof load> {
  try {
    return load()
  } catch (cause) {
    throw new ConfigError(at, `has failed: ${(cause as Error).message}`, { cause })
  }
}

/** Entries as they are given. */
export function listed(entries: readonly string[], at: string): CidrEntries {
  if (!isList(entries)) throw new ConfigError(at, 'must be a list of addresses and CIDR ranges')
  return { entries, placeOf: (index) => `${at}[${index}]`, digest: hash('sha256', entries.join('\n')) }
}

/** For `Array.isArray`, which does not tell a read-only array. */
export function isList(value: unknown): value is readonly string[] {
  return Array.isArray(value)
}
