export { webSocket, type WebSocketMiddleware, type WebSocketSnapshot } from './web-socket.ts'
export type { WebSocketOptions } from './web-socket-options.ts'
export type { AllowedOrigins } from './origin-rule.ts'
export type { FrameOptions, MessageHook, TunnelMessage } from './frames/frame-options.ts'
export type { MessageCounts } from './frames/message-counts.ts'
export {
  messagesCounted,
  tunnelRefused,
  type MessagesCountedEvent,
  type RefusalReason,
  type TunnelRefusedEvent,
} from './events.ts'
