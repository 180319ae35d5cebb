/**
 * Who is under way for a key: a sorted set of places with the time until which each is kept. Processes renew what they hold;
 * those that have died do not, and their places come free.
 */
import { RedisScript } from './redis-script.ts'

const NOW = `local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
`

/** Takes a place: its key, then `max`, the lease in milliseconds and a name. Gives whether, and how many are left. */
export const TAKE_PLACE: RedisScript = new RedisScript(`${NOW}
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
local left = tonumber(ARGV[1]) - redis.call('ZCARD', KEYS[1])
if left < 1 then return { 0, 0 } end
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return { 1, left - 1 }
`)

/** Renews places, or registers them with a Redis that has forgotten: a key, the lease, and their names. */
export const RENEW_PLACES: RedisScript = new RedisScript(`${NOW}
local till = now + tonumber(ARGV[1])
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], till, ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
`)

/** Gives a place back. */
export const FREE_PLACE: RedisScript = new RedisScript(`return redis.call('ZREM', KEYS[1], ARGV[1])`)
