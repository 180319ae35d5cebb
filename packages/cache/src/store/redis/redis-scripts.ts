/**
 * What Redis does as a whole. An entry is a hash: `i` its id, `h` its head as JSON and `b` its body or `c` how many chunks that
 * has, `n` the body's bytes, `s` since when it is stale, `g` the generation it was published in, `f` the fence of its lease. Heads and
 * bodies have their checksums in front.
 *
 * Keys that are found in the course of a script are named by it. A Redis Cluster, where they lie on several nodes, can't run that.
 */
import { Script } from './redis-link.ts'

/** For how long chunks stay that nobody can find any more: some may be reading them. */
const GRACE_MS = 60_000
const MAX_PURGES = 1_000
/** What has ended leaves the indexes a few at a time, with each entry that comes. */
const TIDIED_EACH_TIME = 20

/** What a script begins with: as much as it uses, since it is run as a whole each time. */
const BASE = `
local prefix = KEYS[1]
local function key(name) return prefix .. name end
local function integer(n) return string.format('%.0f', n) end
local function time() local t = redis.call('TIME') return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000) end

-- Counters begin at the time in microseconds: a Redis that was emptied does not count what it has counted before.
local function counter(name)
  local count = redis.call('GET', key(name))
  if count then return tonumber(count) end
  local t = redis.call('TIME')
  count = tonumber(t[1]) * 1000000 + tonumber(t[2])
  redis.call('SET', key(name), integer(count))
  return count
end

local function generation() return counter('generation') end
`

const LEAVING = `${BASE}
local function leave_indexes(name)
  local place = redis.call('HGET', key('places'), name)
  if not place then return end
  place = cjson.decode(place)
  redis.call('ZREM', key('urls'), place.url .. '\\n' .. name)
  for _, tag in ipairs(place.tags) do redis.call('SREM', tag, name) end
  redis.call('HDEL', key('places'), name)
  redis.call('ZREM', key('ends'), name)
end

local function let_go(id, chunks)
  for n = 0, tonumber(chunks or '0') - 1 do redis.call('PEXPIRE', key('chunk:' .. id .. ':' .. n), ${GRACE_MS}) end
end

local function remove(name)
  local entry = redis.call('HMGET', key('entry:' .. name), 'i', 'c')
  redis.call('DEL', key('entry:' .. name))
  if entry[1] then let_go(entry[1], entry[2]) end
  leave_indexes(name)
end
`

const LIBRARY = `${LEAVING}
local function enter_indexes(name, url, tags, ends)
  redis.call('ZADD', key('urls'), 0, url .. '\\n' .. name)
  for _, tag in ipairs(tags) do redis.call('SADD', tag, name) end
  redis.call('HSET', key('places'), name, cjson.encode({ url = url, tags = tags }))
  redis.call('ZADD', key('ends'), ends, name)
end

local function tidy(now, count)
  local ended = redis.call('ZRANGEBYSCORE', key('ends'), '-inf', now, 'LIMIT', 0, count)
  for _, name in ipairs(ended) do
    if redis.call('EXISTS', key('entry:' .. name)) == 0 then leave_indexes(name) else redis.call('ZADD', key('ends'), now + ${GRACE_MS}, name) end
  end
  return #ended
end

-- What the purges behind generation 'since' mean: nothing, 'gone', or since when it is stale.
local function verdict(since, url, tags)
  if since == 0 then return nil end
  local left = generation() - since
  if left <= 0 then return nil end
  local stale = nil
  local purges = redis.call('LRANGE', key('purges'), -math.min(left, ${MAX_PURGES}), -1)
  if #purges < left then return 'gone' end
  for _, text in ipairs(purges) do
    local p = cjson.decode(text)
    local hit = p.kind == 'all' or (p.kind == 'url' and p.value == url)
      or (p.kind == 'prefix' and string.sub(url, 1, #p.value) == p.value)
    if p.kind == 'tags' then
      for _, wanted in ipairs(p.keys) do for _, tag in ipairs(tags) do hit = hit or wanted == tag end end
    end
    if hit and not p.soft then return 'gone' end
    if hit then stale = integer(p.at) end
  end
  return stale
end
`

/** The entry under a name, with the generation. One whose chunks are not all there is removed: it gives 'torn'. */
export const GET: Script = new Script(`${LEAVING}
local name = ARGV[1]
local entry = redis.call('HMGET', key('entry:' .. name), 'h', 'i', 'n', 'c', 's', 'b')
local g = integer(generation())
if not entry[1] then return { g } end
for n = 0, tonumber(entry[4] or '0') - 1 do
  if redis.call('EXISTS', key('chunk:' .. entry[2] .. ':' .. n)) == 0 then
    remove(name)
    return { g, 'torn' }
  end
end
return { g, 'found', entry[1], entry[2], entry[3], entry[4], entry[5], entry[6] }
`)

/**
 * Publishes an entry whose chunks are there. Name, id, head, body's bytes, chunks or '', body or '', milliseconds to its end, its end, URL, tag
 * keys, generation, fence. Gives what came of it, the generation, and how many entries there are.
 */
export const PUBLISH: Script = new Script(`${LIBRARY}
local name, id, head, bytes, chunks, body, ttl, ends, url = unpack(ARGV, 1, 9)
local tags, since, fence = cjson.decode(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])
local now = time()
ttl = tonumber(ttl)
-- Redis looks at its bound of memory before a script's first write, and only where that one takes memory.
redis.call('SET', key('probe'), '1', 'PX', 1000)
local function done(what) return { what, integer(generation()), redis.call('ZCARD', key('urls')) } end
local stale = verdict(since, url, tags)
if stale == 'gone' then
  remove(name)
  let_go(id, chunks)
  return done('purged')
end
for n = 0, tonumber(chunks) - 1 do
  if redis.call('PEXPIRE', key('chunk:' .. id .. ':' .. n), ttl + ${GRACE_MS}) == 0 then
    let_go(id, chunks)
    return done('torn')
  end
end
if fence > 0 and tonumber(redis.call('HGET', key('entry:' .. name), 'f') or '0') > fence then
  let_go(id, chunks)
  return done('late')
end
remove(name)
local entry = key('entry:' .. name)
redis.call('HSET', entry, 'h', head, 'i', id, 'n', bytes, 'c', chunks, 'b', body, 'g', integer(generation()), 'f', integer(fence))
if stale then redis.call('HSET', entry, 's', stale) end
redis.call('PEXPIRE', entry, ttl)
enter_indexes(name, url, tags, tonumber(ends))
tidy(now, ${TIDIED_EACH_TIME})
return done('kept')
`)

/** Another head. Name, the id that has to stand there, the new id, head, milliseconds to its end, its end, URL, tag keys, generation. */
export const UPDATE: Script = new Script(`${LIBRARY}
local name, id, head, ttl, ends, url = unpack(ARGV, 1, 6)
local tags, since = cjson.decode(ARGV[7]), tonumber(ARGV[8])
local entry = key('entry:' .. name)
local old = redis.call('HMGET', entry, 'i', 'c')
if old[1] ~= id then return 0 end
local stale = verdict(since, url, tags)
if stale == 'gone' then
  remove(name)
  return 0
end
for n = 0, tonumber(old[2] or '0') - 1 do
  redis.call('PEXPIRE', key('chunk:' .. id .. ':' .. n), tonumber(ttl) + ${GRACE_MS})
end
leave_indexes(name)
redis.call('HSET', entry, 'h', head, 'g', integer(generation()))
if stale then redis.call('HSET', entry, 's', stale) else redis.call('HDEL', entry, 's') end
redis.call('PEXPIRE', entry, ttl)
enter_indexes(name, url, tags, tonumber(ends))
return 1
`)

/** Forgets an entry: its name, and its id or ''. */
export const DELETE: Script = new Script(`${LEAVING}
local place = key('entry:' .. ARGV[1])
-- Somebody else's: nothing is known of it.
if redis.call('TYPE', place).ok ~= 'hash' then
  redis.call('DEL', place)
  leave_indexes(ARGV[1])
  return 1
end
local id = redis.call('HGET', place, 'i')
if id and (ARGV[2] == '' or ARGV[2] == id) then remove(ARGV[1]) end
return 1
`)

/** Counts a purge, remembers it and tells it. The purge as JSON, and what is told. Gives the generation. */
export const LOG_PURGE: Script = new Script(`${BASE}
local g = integer(generation() + 1)
redis.call('SET', key('generation'), g)
redis.call('RPUSH', key('purges'), ARGV[1])
redis.call('LTRIM', key('purges'), -${MAX_PURGES}, -1)
redis.call('PUBLISH', key('told'), g .. ' ' .. ARGV[1])
return g
`)

/**
 * Does it to some: the generation of the purge, since when they are stale or '' where they are to go, and their names. What was published
 * after the purge is not meant. Gives how many it hit.
 */
export const PURGE_NAMES: Script = new Script(`${LEAVING}
local purge, stale = tonumber(ARGV[1]), ARGV[2]
local hits = 0
for i = 3, #ARGV do
  local entry = key('entry:' .. ARGV[i])
  local g = redis.call('HGET', entry, 'g')
  if not g then leave_indexes(ARGV[i])
  elseif tonumber(g) < purge then
    hits = hits + 1
    if stale == '' then remove(ARGV[i]) else redis.call('HSETNX', entry, 's', stale) end
  end
end
return hits
`)

/** Tidies the indexes up: how many at most. Gives how many it looked at. */
export const TIDY: Script = new Script(`${LIBRARY}
return tidy(time(), tonumber(ARGV[1]))
`)

/** The generation alone. */
export const GENERATION: Script = new Script(`${BASE}
return integer(generation())
`)

/**
 * Takes the lease of a name: its token, for how long, and whether this one has waited. Gives its number; or that of who has it, below 0; or 0
 * where who had it is done, which is for those who have waited alone.
 */
export const TAKE_LEASE: Script = new Script(`${BASE}
local lease = key('lease:' .. ARGV[1])
local holder = redis.call('GET', lease)
if holder == 'done' then
  if ARGV[4] == '1' then return 0 end
elseif holder then return -tonumber(string.match(holder, '^%d+')) end
local fence = counter('fence') + 1
redis.call('SET', key('fence'), integer(fence))
redis.call('SET', lease, integer(fence) .. ' ' .. ARGV[2], 'PX', ARGV[3])
return fence
`)

/** Renews a lease that is still this one's: its name, number and token, and for how long. */
export const RENEW_LEASE: Script = new Script(`${BASE}
local lease = key('lease:' .. ARGV[1])
if redis.call('GET', lease) ~= ARGV[2] .. ' ' .. ARGV[3] then return 0 end
return redis.call('PEXPIRE', lease, ARGV[4])
`)

/** Gives it back; for so long those who wait can see that. */
export const FREE_LEASE: Script = new Script(`${BASE}
local lease = key('lease:' .. ARGV[1])
if redis.call('GET', lease) ~= ARGV[2] .. ' ' .. ARGV[3] then return 0 end
redis.call('SET', lease, 'done', 'PX', ARGV[4])
return 1
`)
