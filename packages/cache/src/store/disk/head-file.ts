/**
 * An entry's file: the length of its record, the record as JSON with a checksum in front, and the body with another one where it is
 * small. It is written elsewhere and takes its place as a whole; a larger body is whole before that.
 */
import { sealed, unsealed } from '../chunk-check.ts'
import type { EntryHead } from '../store.ts'

/** What is kept of an entry. */
export interface HeadRecord {
  readonly version: 1
  readonly key: string
  readonly head: EntryHead
  readonly bodyBytes: number
  readonly staleSince?: number
  /** The file of its body, and the checksums of its blocks; missing where the body stands here. */
  readonly body?: string
  readonly checks?: readonly number[]
}

/** A file's content. */
export interface HeadFile {
  readonly record: HeadRecord
  /** With its checksum in front, as it was read. */
  readonly sealedBody: Buffer | undefined
}

const LENGTH_BYTES = 4
/** The length and the record's checksum. */
export const MIN_HEAD_BYTES = 8

export function encodeHead(record: HeadRecord, sealedBody?: Buffer): Buffer {
  const json = sealed(Buffer.from(JSON.stringify(record)))
  const length = Buffer.allocUnsafe(LENGTH_BYTES)
  length.writeUInt32BE(json.length)
  return Buffer.concat(sealedBody === undefined ? [length, json] : [length, json, sealedBody])
}

/** How many bytes of the file are before the body. */
export function recordEnd(file: Buffer): number {
  return LENGTH_BYTES + file.readUInt32BE(0)
}

/** `undefined` where the file is damaged, or not this key's. */
export function decodeHead(file: Buffer, key?: string): HeadFile | undefined {
  if (file.length < MIN_HEAD_BYTES) return undefined
  const end = recordEnd(file)
  const json = file.length < end ? undefined : unsealed(file.subarray(LENGTH_BYTES, end))
  if (json === undefined) return undefined
  const record = JSON.parse(json.toString()) as HeadRecord | null
  if (record?.version !== 1 || (key !== undefined && record.key !== key)) return undefined
  return { record, sealedBody: record.body === undefined ? file.subarray(end) : undefined }
}
