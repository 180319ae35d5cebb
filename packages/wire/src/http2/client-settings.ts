/** What a client says of itself (RFC 9113, section 6.5.2), as far as it concerns whoever sends to it. */
import {
  DEFAULT_FRAME_BYTES,
  DEFAULT_WINDOW_BYTES,
  FLOW_CONTROL_ERROR,
  LARGEST_FRAME_BYTES,
  LARGEST_WINDOW_BYTES,
  PROTOCOL_ERROR,
  SETTINGS_ENABLE_CONNECT_PROTOCOL,
  SETTINGS_ENABLE_PUSH,
  SETTINGS_HEADER_TABLE_SIZE,
  SETTINGS_INITIAL_WINDOW_SIZE,
  SETTINGS_MAX_FRAME_SIZE,
} from './frame-types.ts'
import { Http2Fault } from './http2-fault.ts'

const SETTING_BYTES = 6

export class ClientSettings {
  /** `undefined` where it has said nothing. */
  headerTableBytes: number | undefined = undefined
  /** The smallest of those that the last payload had: down to it a table has to go in between (RFC 7541, section 4.2). */
  smallestTableBytes: number | undefined = undefined
  initialWindowBytes: number = DEFAULT_WINDOW_BYTES
  maxFrameBytes: number = DEFAULT_FRAME_BYTES

  /**
   * Takes a payload over, in order; unknown ones mean nothing.
   * @throws {Http2Fault}
   */
  read(bytes: Buffer, from: number, to: number): void {
    this.smallestTableBytes = undefined
    for (let at = from; at < to; at += SETTING_BYTES) this.#set(bytes.readUInt16BE(at), bytes.readUInt32BE(at + 2))
  }

  #set(setting: number, value: number): void {
    switch (setting) {
      case SETTINGS_HEADER_TABLE_SIZE:
        this.headerTableBytes = value
        this.smallestTableBytes = Math.min(value, this.smallestTableBytes ?? value)
        break
      case SETTINGS_INITIAL_WINDOW_SIZE:
        if (value > LARGEST_WINDOW_BYTES) throw new Http2Fault(FLOW_CONTROL_ERROR, 'no window is so large')
        this.initialWindowBytes = value
        break
      case SETTINGS_MAX_FRAME_SIZE:
        if (value < DEFAULT_FRAME_BYTES || value > LARGEST_FRAME_BYTES)
          throw new Http2Fault(PROTOCOL_ERROR, 'no frame has such a size')
        this.maxFrameBytes = value
        break
      case SETTINGS_ENABLE_PUSH:
      case SETTINGS_ENABLE_CONNECT_PROTOCOL:
        if (value > 1) throw new Http2Fault(PROTOCOL_ERROR, 'the setting is neither on nor off')
        break
      default:
    }
  }
}
