/** As much of a Redis client as is used here: ioredis has it, and iovalkey. */

export interface RedisClient {
  /** `ready` where commands are sent at once. */
  readonly status: string
  /** Commands that leave in one write; `exec` resolves with an error or a result for each. */
  pipeline(commands: unknown[][]): { exec(): Promise<[error: Error | null, result: unknown][] | null> }
}
