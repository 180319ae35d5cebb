/** One peer's frames: those that it sends, taken apart, and those that it gets, written. */
import type { CountedMessages } from './message-counts.ts'
import { noMessages } from './message-counts.ts'
import {
  type Extensions,
  type FrameOutput,
  type FrameReceiver,
  type FrameSender,
  Receiver,
  Sender,
} from './ws-parts.ts'

/** Gets what a peer sends. */
export interface PeerObserver {
  message(peer: PeerFrames, data: Buffer, isBinary: boolean): void
  ping(peer: PeerFrames, data: Buffer): void
  pong(peer: PeerFrames, data: Buffer): void
  /** Its Close; 1005 stands for one without a code. */
  concluded(peer: PeerFrames, code: number, reason: Buffer): void
  /** It broke a rule, and `code` says which. */
  faulty(peer: PeerFrames, code: number, error: Error): void
  /** Something that it has sent, or was sent, is dealt with: there may be room again. */
  moved(): void
}

/** What a peer may be sent before it has taken what it was. */
const MAX_UNSENT_BYTES = 1_048_576
const MAX_UNREAD_BYTES = 65_536
/** A message in more pieces than this is an attack. */
const MAX_FRAGMENTS = 131_072
const MAX_CHUNKS = 1_048_576

export class PeerFrames {
  readonly name: 'client' | 'target'
  readonly counts: CountedMessages = noMessages()
  /** Whether it has sent anything since this was last reset. */
  hasSpoken = true
  /** It has sent its Close, or broken a rule: nothing more of it is read. */
  hasConcluded = false
  /** It was sent a Close: nothing follows that. */
  hasGoodbye = false
  readonly #receiver: FrameReceiver
  readonly #sender: FrameSender
  readonly #observer: PeerObserver
  readonly #extensions: Extensions
  readonly #compresses: boolean
  readonly #thresholdBytes: number
  /** What clients send is masked (RFC 6455, section 5.3), and to the target we are the client. */
  readonly #masks: boolean
  #unsentBytes = 0
  readonly #moved = (): void => this.#observer.moved()

  constructor(
    name: 'client' | 'target',
    observer: PeerObserver,
    extensions: Extensions,
    plan: { readonly maxMessageBytes: number; readonly compressionThresholdBytes: number },
    output: FrameOutput,
  ) {
    this.name = name
    this.#observer = observer
    this.#extensions = extensions
    this.#compresses = Object.keys(extensions).length > 0
    this.#thresholdBytes = plan.compressionThresholdBytes
    this.#masks = name === 'target'
    this.#sender = new Sender(output, extensions)
    this.#receiver = new Receiver({
      isServer: name === 'client',
      maxPayload: plan.maxMessageBytes,
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: MAX_CHUNKS,
      extensions,
    })
    this.#listen()
  }

  /** Takes bytes of its. */
  read(chunk: Buffer): void {
    this.hasSpoken = true
    if (!this.hasConcluded) this.#receiver.write(chunk, this.#moved)
  }

  /** Whether bytes of its are still being taken apart. */
  get isReading(): boolean {
    return !this.hasConcluded && this.#receiver.writableLength > 0
  }

  /** Whether messages to it are still being compressed. */
  get isSending(): boolean {
    return this.#unsentBytes > 0
  }

  /** Whether it sends more than can be taken apart at the moment. */
  get isAhead(): boolean {
    return this.#receiver.writableLength > MAX_UNREAD_BYTES
  }

  /** Whether it was sent more than can be compressed at the moment. */
  get isBehind(): boolean {
    return this.#unsentBytes > MAX_UNSENT_BYTES
  }

  send(data: Buffer | string, isBinary: boolean): void {
    if (this.hasGoodbye) return
    const size = typeof data === 'string' ? Buffer.byteLength(data) : data.byteLength
    const compress = this.#compresses && size >= this.#thresholdBytes
    // An empty one is on its way as well.
    this.#unsentBytes += size + 1
    this.#sender.send(data, { binary: isBinary, compress, fin: true, mask: this.#masks }, () => {
      this.#unsentBytes -= size + 1
      if (compress) this.#observer.moved()
    })
  }

  ping(data: Buffer): void {
    if (!this.hasGoodbye) this.#sender.ping(data, this.#masks)
  }

  pong(data: Buffer): void {
    if (!this.hasGoodbye) this.#sender.pong(data, this.#masks)
  }

  /** Says goodbye, once. */
  close(code: number | undefined, reason: Buffer | string = ''): void {
    if (this.hasGoodbye) return
    this.hasGoodbye = true
    this.#sender.close(code, reason, this.#masks)
  }

  /** Frees what compression holds. */
  dispose(): void {
    this.hasConcluded = this.hasGoodbye = true
    for (const each of Object.values(this.#extensions)) each.cleanup()
  }

  #listen(): void {
    const observer = this.#observer
    const { counts } = this
    this.#receiver.on('message', (data: Buffer, isBinary: boolean) => {
      if (this.hasConcluded) return
      counts.bytes += data.byteLength
      if (isBinary) counts.binary++
      else counts.text++
      observer.message(this, data, isBinary)
    })
    this.#receiver.on('ping', (data: Buffer) => {
      counts.ping++
      observer.ping(this, data)
    })
    this.#receiver.on('pong', (data: Buffer) => {
      counts.pong++
      observer.pong(this, data)
    })
    this.#receiver.on('conclude', (code: number, reason: Buffer) => {
      this.hasConcluded = true
      observer.concluded(this, code, reason)
    })
    this.#receiver.on('error', (error: Error & { code?: string }) => {
      if (this.hasConcluded) return
      this.hasConcluded = true
      observer.faulty(this, closeCodeOf(error.code), error)
    })
  }
}

/** RFC 6455, section 7.4.1. */
function closeCodeOf(code: string | undefined): number {
  switch (code) {
    case 'WS_ERR_UNSUPPORTED_MESSAGE_LENGTH':
    case 'WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH':
      return 1009
    case 'WS_ERR_INVALID_UTF8':
      return 1007
    case 'WS_ERR_TOO_MANY_BUFFERED_PARTS':
      return 1008
    default:
      // zlib's own codes: what was compressed can't be read.
      return code?.startsWith('Z_') === true ? 1007 : 1002
  }
}
