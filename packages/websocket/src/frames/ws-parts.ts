/** The parser and the writer of frames that `ws` exports for uses like this one; its types leave them out. */
import type { EventEmitter } from 'node:events'
import * as ws from 'ws'

/** `permessage-deflate` (RFC 7692) towards one peer. */
export interface Deflate {
  readonly params: Record<string, unknown> | null
  offer(): Record<string, unknown>
  /** Throws where the parameters can't be accepted. */
  accept(configurations: readonly Record<string, unknown>[]): Record<string, unknown>
  cleanup(): void
}

/** By the name of the extension. */
export type Extensions = Readonly<Record<string, Deflate>>

/** A parsed `Sec-WebSocket-Extensions`. */
export type ExtensionList = Record<string, Record<string, unknown>[]>

export interface FrameReceiver extends EventEmitter {
  readonly writableLength: number
  write(chunk: Buffer, done: () => void): boolean
}

export interface FrameSender {
  send(
    data: Buffer | string,
    options: { binary: boolean; compress: boolean; fin: boolean; mask: boolean },
    done: () => void,
  ): void
  ping(data: Buffer, mask: boolean): void
  pong(data: Buffer, mask: boolean): void
  close(code: number | undefined, reason: Buffer | string, mask: boolean): void
}

/** What a sender writes to: the part of a socket that it uses. */
export interface FrameOutput {
  readonly destroyed: boolean
  cork(): void
  uncork(): void
  write(chunk: Buffer | string, done?: () => void): void
}

interface WsParts {
  readonly Receiver: new (options: {
    readonly isServer: boolean
    readonly maxPayload: number
    readonly maxFragments: number
    readonly maxBufferedChunks: number
    readonly extensions: Extensions
  }) => FrameReceiver
  readonly Sender: new (output: FrameOutput, extensions: Extensions) => FrameSender
  readonly PerMessageDeflate: new (options: {
    readonly isServer: boolean
    readonly maxPayload: number
    readonly threshold: number
  }) => Deflate
  readonly extension: {
    parse(text: string): ExtensionList
    format(extensions: Readonly<Record<string, unknown>>): string
  }
}

const parts = ws as unknown as WsParts

export const Receiver: WsParts['Receiver'] = parts.Receiver
export const Sender: WsParts['Sender'] = parts.Sender
export const PerMessageDeflate: WsParts['PerMessageDeflate'] = parts.PerMessageDeflate
export const extension: WsParts['extension'] = parts.extension
