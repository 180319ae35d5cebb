/** Names of what is kept in Redis. Those of entries and tags are digests where they are long: clients choose them. */
import { hash } from 'node:crypto'

const MAX_PLAIN_CHARS = 64

export class RedisKeys {
  /** Before all of them; scripts make the others from it. */
  readonly prefix: string
  /** Entries by URL: members `url \n name`, all of one score, so in the order of bytes. */
  readonly urls: string
  /** Where purges are told. */
  readonly channel: string

  constructor(prefix: string) {
    this.prefix = prefix
    this.urls = `${prefix}urls`
    this.channel = `${prefix}told`
  }

  /** How an entry is known by. */
  nameOf(key: string): string {
    return hash('sha256', key, 'base64url')
  }

  chunk(id: string, number: number): string {
    return `${this.prefix}chunk:${id}:${number}`
  }

  tag(tag: string): string {
    return `${this.prefix}tag:${tag.length <= MAX_PLAIN_CHARS ? tag : hash('sha256', tag, 'base64url')}`
  }
}
