/** What this package reports, as `sluice:auth:<event>`. Nothing is built for an event that nobody listens to. */
import { defineEvent, type EventChannel, type Exchange, type Identity } from '@sluice/core'

/** A request has proven who sent it. */
export interface AcceptedEvent {
  readonly exchange: Exchange
  /** The strategy's name. */
  readonly strategy: string
  readonly identity: Identity
}

/** A request has not proven who sent it, or it is not enough. */
export interface RefusedEvent {
  readonly exchange: Exchange
  /** The strategy's name; `require` where an identity is not enough. */
  readonly strategy: string
  readonly status: 401 | 403 | 503
  /** A fixed word, such as `missing`, `malformed`, `expired`; never a part of the credentials. */
  readonly reason: string
}

/** A verdict was asked for in a cache. */
export interface CacheAskedEvent {
  /** The cache's name. */
  readonly cache: string
  /** `joined`: somebody else was finding it out already. */
  readonly outcome: 'hit' | 'miss' | 'joined'
}

/** A file of users was read again, and is used from now on. */
export interface FileReloadedEvent {
  readonly path: string
  /** How many users or keys there are in it. */
  readonly entries: number
}

/** A file of users can't be read, or has a mistake in it. What was read before stays. */
export interface FileReloadFailedEvent {
  readonly path: string
  readonly error: Error
}

/** A key server has published keys. */
export interface KeysFetchedEvent {
  readonly url: string
  readonly kids: readonly string[]
}

/** A key server could not be asked, or its answer is of no use. */
export interface KeysFetchFailedEvent {
  readonly url: string
  readonly error: Error
  /** Whether there are keys of before, which go on. */
  readonly hasKeys: boolean
}

/** A server that tells what tokens are worth (RFC 7662) has given no answer that can be used. */
export interface IntrospectionFailedEvent {
  readonly url: string
  readonly error: Error
}

/** A service that `forwardAuth` asks has given no answer that can be used. */
export interface ForwardAuthFailedEvent {
  readonly exchange: Exchange
  /** What it answered, or what stands for its silence: 502, 503, 504. */
  readonly status: number
}

/** `sluice:auth:accepted` */
export const accepted: EventChannel<AcceptedEvent> = defineEvent<AcceptedEvent>('auth', 'accepted')
/** `sluice:auth:refused` */
export const refused: EventChannel<RefusedEvent> = defineEvent<RefusedEvent>('auth', 'refused')
/** `sluice:auth:cache-asked` */
export const cacheAsked: EventChannel<CacheAskedEvent> = defineEvent<CacheAskedEvent>('auth', 'cache-asked')
/** `sluice:auth:file-reloaded` */
export const fileReloaded: EventChannel<FileReloadedEvent> = defineEvent<FileReloadedEvent>('auth', 'file-reloaded')
/** `sluice:auth:file-reload-failed`: once for each mistake. */
export const fileReloadFailed: EventChannel<FileReloadFailedEvent> = defineEvent<FileReloadFailedEvent>(
  'auth',
  'file-reload-failed',
)
/** `sluice:auth:keys-fetched` */
export const keysFetched: EventChannel<KeysFetchedEvent> = defineEvent<KeysFetchedEvent>('auth', 'keys-fetched')
/** `sluice:auth:keys-fetch-failed` */
export const keysFetchFailed: EventChannel<KeysFetchFailedEvent> = defineEvent<KeysFetchFailedEvent>(
  'auth',
  'keys-fetch-failed',
)
/** `sluice:auth:introspection-failed` */
export const introspectionFailed: EventChannel<IntrospectionFailedEvent> = defineEvent<IntrospectionFailedEvent>(
  'auth',
  'introspection-failed',
)
/** `sluice:auth:forward-auth-failed` */
export const forwardAuthFailed: EventChannel<ForwardAuthFailedEvent> = defineEvent<ForwardAuthFailedEvent>(
  'auth',
  'forward-auth-failed',
)
