import { readFileSync } from 'node:fs'
/** PEM as options have it (RFC 7468): text, bytes, lists of these, or a file. */
import { readFile } from 'node:fs/promises'
import { ConfigError } from '../errors.ts'
import type { ListenTlsOptions, PemInput } from './listen-tls-options.ts'

/** Files that were read, by their paths. */
export type Files = ReadonlyMap<string, Buffer>

/** All files that the options name, each once. */
export function filesOf(options: ListenTlsOptions): string[] {
  const certificates = [options, ...(options.certificates ?? [])].flatMap(({ certFile, keyFile }) => [
    certFile,
    keyFile,
  ])
  const paths = [...certificates, options.caFile, options.crlFile].filter((path) => path !== undefined && path !== '')
  return [...new Set(paths)] as string[]
}

/** @throws {ConfigError} where one can not be read */
export function readFiles(paths: readonly string[]): Files {
  try {
    return new Map(paths.map((path) => [path, readFileSync(path)]))
  } catch (cause) {
    throw unreadable(cause)
  }
}

/** The same without keeping anybody waiting. */
export async function readFilesLater(paths: readonly string[]): Promise<Files> {
  try {
    return new Map(await Promise.all(paths.map(async (path) => [path, await readFile(path)] as const)))
  } catch (cause) {
    throw unreadable(cause)
  }
}

function unreadable(cause: unknown): ConfigError {
  return new ConfigError('listen.tls', `a file can not be read: ${(cause as Error).message}`, { cause })
}

/** What is given in the options or in a file; `undefined` for neither. Node takes what is empty for what is not there. */
export function given(
  value: PemInput | undefined,
  file: string | undefined,
  files: Files,
): (string | Buffer)[] | undefined {
  const list = [value ?? []].flat() as (string | Buffer)[]
  if (file !== undefined) list.push(files.get(file)!)
  const filled = list.filter((each) => each.length > 0)
  return filled.length === 0 ? undefined : filled
}

/** The blocks of one kind, such as `X509 CRL`, each as a text of its own: some of Node's functions read the first alone. */
export function pemBlocks(inputs: readonly (string | Buffer)[], label: string): string[] {
  const block = new RegExp(`-----BEGIN ${label}-----[^-]*-----END ${label}-----`, 'g')
  return inputs.flatMap((each) => each.toString('latin1').match(block) ?? [])
}
