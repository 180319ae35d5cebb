/** What is known in memory of an entry on disk, and the entry as it was read. */
import type { BodySource } from '@sluice/wire'
import type { EntryQueue, Queued } from '../index/entry-queue.ts'
import { ARRAY_BYTES, NUMBER_BYTES, OBJECT_BYTES, POINTER_BYTES, stringBytes } from '../index/heap-costs.ts'
import { TAG_LINK_BYTES, type TagIndexed, type TagLink } from '../index/tag-index.ts'
import { URL_PLACE_BYTES, type UrlBlock, type UrlIndexed } from '../index/url-index.ts'
import { ByteSource } from '../memory/byte-source.ts'
import { ownText } from '../memory/owned-text.ts'
import { PieceSource } from '../piece-source.ts'
import type { EntryHead, StoredEntry } from '../store.ts'
import { type BlockFile, BlockReader } from './block-reader.ts'
import { bytesOnDisk } from './disk-layout.ts'
import type { HeadRecord } from './head-file.ts'

/** An entry's place in the index: enough to find it, to purge it, and to let it go. */
export class DiskPlace implements Queued<DiskPlace>, UrlIndexed<DiskPlace>, TagIndexed<DiskPlace> {
  /** The name of its file. */
  readonly key: string
  readonly id: string
  readonly url: string
  readonly tags: readonly string[]
  readonly expiresAt: number
  readonly number: number
  /** The file of its body, where it has one of its own. */
  readonly body: string | undefined
  readonly bodyBytes: number
  /** What its files take. */
  readonly cost: number
  /** What this takes in memory, with its places in the indexes. */
  readonly heapBytes: number
  staleSince: number | undefined
  /** When it was handed out the last time: somebody may be reading it, or about to. */
  handedOutAt: number = Number.NEGATIVE_INFINITY
  uses = 0
  queue: EntryQueue<DiskPlace> | undefined = undefined
  newer: DiskPlace | undefined = undefined
  older: DiskPlace | undefined = undefined
  urlBlock: UrlBlock<DiskPlace> | undefined = undefined
  tagLinks: readonly TagLink<DiskPlace>[] | undefined = undefined

  constructor(name: string, { head, body, bodyBytes, staleSince }: HeadRecord, headFileBytes: number, number: number) {
    this.key = name
    this.id = ownText(head.id)
    this.url = ownText(head.url)
    this.tags = head.tags.map(ownText)
    this.expiresAt = head.expiresAt
    this.number = number
    this.body = body
    this.bodyBytes = bodyBytes
    this.cost = bytesOnDisk(headFileBytes) + (body === undefined ? 0 : bytesOnDisk(bodyBytes))
    this.heapBytes = placeBytes(this)
    this.staleSince = staleSince
  }

  isOver(wallTime: number): boolean {
    return this.expiresAt <= wallTime
  }
}

/** The place with its 19 fields, and times that are no small integers. */
const PLACE_BYTES = OBJECT_BYTES + 19 * POINTER_BYTES + 3 * NUMBER_BYTES + URL_PLACE_BYTES

function placeBytes({ key, id, url, tags, body }: Pick<DiskPlace, 'key' | 'id' | 'url' | 'tags' | 'body'>): number {
  const names = stringBytes(key) + stringBytes(id) + stringBytes(url) + (body === undefined ? 0 : stringBytes(body))
  const links = 2 * ARRAY_BYTES + tags.length * (2 * POINTER_BYTES + TAG_LINK_BYTES)
  return PLACE_BYTES + names + links + tags.reduce((sum, tag) => sum + stringBytes(tag), 0)
}

export class DiskEntry implements StoredEntry {
  readonly head: EntryHead
  readonly bodyBytes: number
  readonly staleSince: number | undefined
  readonly text = undefined
  /** The body, where it stands with its head. */
  readonly bytes: Buffer | undefined
  readonly #file: BlockFile

  constructor(record: HeadRecord, staleSince: number | undefined, bytes: Buffer | undefined, file: BlockFile) {
    this.head = record.head
    this.bodyBytes = record.bodyBytes
    this.staleSince = staleSince
    this.bytes = bytes
    this.#file = file
  }

  open(start: number, end: number): BodySource {
    return this.bytes === undefined
      ? new PieceSource(new BlockReader(this.#file), start, end)
      : new ByteSource([this.bytes], start, end)
  }
}
