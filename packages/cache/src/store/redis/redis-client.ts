/** As much of a Redis client as is used here: ioredis has it, and iovalkey. */

export interface RedisClient {
  /** `ready` where commands are sent at once. */
  readonly status: string
  /** Set by a client of a Redis Cluster, which is refused: scripts name keys that they find, in whatever slots. */
  readonly isCluster?: boolean
  /** A `keyPrefix` is refused: scripts would not have it. */
  readonly options?: { readonly keyPrefix?: string | undefined }
  /** Commands that leave in one write; `exec` resolves with an error or a result for each. */
  pipeline(commands: unknown[][]): { exec(): Promise<[error: Error | null, result: unknown][] | null> }
  /** Another connection to the same Redis: one that listens to purges can't do anything else. */
  duplicate(): RedisListener
}

/** A connection that listens. */
export interface RedisListener {
  on(event: 'message', listener: (channel: string, message: string) => void): unknown
  on(event: 'ready' | 'close', listener: () => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
  subscribe(channel: string): Promise<unknown>
  /** For good, or to connect anew. */
  disconnect(reconnect?: boolean): void
}
