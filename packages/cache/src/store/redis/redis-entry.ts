/** What Redis says of an entry, and the entry made of it. */
import type { BodySource } from '@sluice/wire'
import { unsealed } from '../chunk-check.ts'
import { ByteSource } from '../memory/byte-source.ts'
import { type PieceReader, PieceSource } from '../piece-source.ts'
import type { EntryHead, StoredEntry } from '../store.ts'

/** An entry as its script gives it. */
export interface RawEntry {
  readonly head: EntryHead
  readonly bodyBytes: number
  readonly chunks: number
  readonly staleSince: number | undefined
  readonly body: Buffer | undefined
}

/** Reads the answer of the script; `undefined` where something is wrong with it. */
export function readEntry(answer: readonly (Buffer | null)[]): RawEntry | undefined {
  const [sealedHead, id, bytes, chunks, stale, sealedBody] = answer.slice(2)
  const text = sealedHead == null ? undefined : unsealed(sealedHead)
  const head = text === undefined ? undefined : ((JSON.parse(text.toString()) as EntryHead | null) ?? undefined)
  const raw = {
    bodyBytes: Number(bytes),
    chunks: Number(chunks),
    staleSince: stale == null ? undefined : Number(stale),
  }
  if (head === undefined || head.id !== id?.toString() || !Number.isSafeInteger(raw.bodyBytes)) return undefined
  if (raw.chunks > 0) return { head, ...raw, body: undefined }
  const body = sealedBody == null ? undefined : unsealed(sealedBody)
  return body?.length === raw.bodyBytes ? { head, ...raw, body } : undefined
}

export class RedisEntry implements StoredEntry {
  readonly head: EntryHead
  readonly bodyBytes: number
  readonly staleSince: number | undefined
  readonly text = undefined
  readonly bytes: Buffer | undefined
  readonly #chunks: PieceReader

  constructor(raw: RawEntry, chunks: PieceReader) {
    this.head = raw.head
    this.bodyBytes = raw.bodyBytes
    this.staleSince = raw.staleSince
    this.bytes = raw.body
    this.#chunks = chunks
  }

  open(start: number, end: number): BodySource {
    return this.bytes === undefined
      ? new PieceSource(this.#chunks, start, end)
      : new ByteSource([this.bytes], start, end)
  }
}
