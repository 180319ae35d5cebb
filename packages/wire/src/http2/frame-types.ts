/** Numbers of RFC 9113: frames (section 6), their flags, settings (section 6.5.2; RFC 8441, section 3) and errors (section 7). */

export const DATA = 0
export const HEADERS = 1
export const PRIORITY = 2
export const RST_STREAM = 3
export const SETTINGS = 4
export const PUSH_PROMISE = 5
export const PING = 6
export const GOAWAY = 7
export const WINDOW_UPDATE = 8
export const CONTINUATION = 9

export const NO_FLAGS = 0
export const ACK = 0x1
export const END_STREAM = 0x1
export const END_HEADERS = 0x4
export const PADDED = 0x8
export const HAS_PRIORITY = 0x20

export const SETTINGS_HEADER_TABLE_SIZE = 1
export const SETTINGS_ENABLE_PUSH = 2
export const SETTINGS_MAX_CONCURRENT_STREAMS = 3
export const SETTINGS_INITIAL_WINDOW_SIZE = 4
export const SETTINGS_MAX_FRAME_SIZE = 5
export const SETTINGS_MAX_HEADER_LIST_SIZE = 6
export const SETTINGS_ENABLE_CONNECT_PROTOCOL = 8

export const NO_ERROR = 0
export const PROTOCOL_ERROR = 1
export const INTERNAL_ERROR = 2
export const FLOW_CONTROL_ERROR = 3
export const STREAM_CLOSED = 5
export const FRAME_SIZE_ERROR = 6
export const REFUSED_STREAM = 7
export const CANCEL = 8
export const COMPRESSION_ERROR = 9
export const ENHANCE_YOUR_CALM = 11

export const FRAME_HEAD_BYTES = 9
/** What both sides may send in one frame before they have said anything else (section 4.2). */
export const DEFAULT_FRAME_BYTES = 16_384
export const LARGEST_FRAME_BYTES = 16_777_215
/** Of a stream and of a connection, before anybody has said anything else (section 6.9.2). */
export const DEFAULT_WINDOW_BYTES = 65_535
export const LARGEST_WINDOW_BYTES = 2_147_483_647
export const LARGEST_STREAM_ID = 2_147_483_647
