/**
 * All policies of one request in one script: Redis runs it as a whole, so that a request is charged to all of its policies or
 * to none, whoever else is asking. Time is Redis's own: the clocks of processes differ, and one that is ahead would fill
 * its buckets first.
 *
 * For each policy come a key and six arguments: `b` (bucket) or `w` (window); its step, which is the milliseconds of one unit or of the
 * window; its size, the burst or the limit; the cost; how many units to take where there are as many (for a block that
 * is spent elsewhere); and `e` (enforced), `s` (shadow) or `f` (forced: charged whether it fits or not).
 *
 * A bucket is one number, when it will be full; a window is what `WindowCounter` keeps, times and units in turn. Times are counted from
 * an origin of this century, which leaves a double more digits for what comes behind the milliseconds.
 *
 * Gives whether the request passes, and for each policy: 1 where the cost fits, units left, milliseconds to the reset,
 * milliseconds until the cost fits, units taken. Fractions come as text: Redis cuts numbers off.
 */
import { EXACT, SLICES } from '../memory/window-counter.ts'
import { RedisScript } from './redis-script.ts'

export const LIMIT_SCRIPT: RedisScript = new RedisScript(`
local time = redis.call('TIME')
local now = (tonumber(time[1]) - 1750000000) * 1000 + tonumber(time[2]) / 1000
local tolerance = 1e-6
local seen = {}
local passes = true

local function bucket(p)
  local full = tonumber(redis.call('GET', p.key) or '') or now
  p.full = math.max(full, now)
  p.left = p.size - (p.full - now) / p.step
end

local function window(p)
  local kept = redis.call('GET', p.key)
  p.entries, p.total = {}, 0
  if kept then
    local entries = cmsgpack.unpack(kept)
    for i = 1, #entries, 2 do
      if entries[i] > now - p.step then
        p.entries[#p.entries + 1] = entries[i]
        p.entries[#p.entries + 1] = entries[i + 1]
        p.total = p.total + entries[i + 1]
      end
    end
  end
  p.left = p.size - p.total
end

local function spend_bucket(p, units)
  p.full = p.full + units * p.step
  p.left = p.left - units
  if p.full > now then
    redis.call('SET', p.key, string.format('%.17g', p.full), 'PX', math.ceil(p.full - now) + 1)
  else
    redis.call('DEL', p.key)
  end
end

local function spend_window(p, units)
  local e = p.entries
  p.left = p.left - units
  if units >= 0 then
    local newest = e[#e - 1]
    local slice = p.step / ${SLICES}
    local same = newest and #e >= ${2 * EXACT} and math.floor(newest / slice) == math.floor(now / slice)
    if newest == now or same then
      e[#e - 1] = now
      e[#e] = e[#e] + units
    else
      e[#e + 1] = now
      e[#e + 1] = units
    end
  else
    while units < 0 and #e > 0 do
      local spent = table.remove(e)
      if spent > -units then
        e[#e + 1] = spent + units
        units = 0
      else
        table.remove(e)
        units = units + spent
      end
    end
  end
  if #e == 0 then
    redis.call('DEL', p.key)
  else
    redis.call('SET', p.key, cmsgpack.pack(e), 'PX', math.ceil(p.step - (now - e[#e - 1])) + 1)
  end
end

local function forgotten(p, time)
  return math.max(0, time + p.step - now)
end

local function retry_of(p)
  local e, sum = p.entries, 0
  local missing = math.min(p.cost, p.size) - p.left
  for i = 1, #e, 2 do
    sum = sum + e[i + 1]
    if sum + 1e-9 >= missing then return forgotten(p, e[i]) end
  end
  return p.step
end

for i, key in ipairs(KEYS) do
  local at = (i - 1) * 6
  local p = {
    key = key, is_bucket = ARGV[at + 1] == 'b', step = tonumber(ARGV[at + 2]), size = tonumber(ARGV[at + 3]),
    cost = tonumber(ARGV[at + 4]), want = tonumber(ARGV[at + 5]), mode = ARGV[at + 6], taken = 0
  }
  if p.is_bucket then bucket(p) else window(p) end
  p.fits = p.mode == 'f' or p.left + tolerance >= p.cost
  if p.mode == 'e' and not p.fits then passes = false end
  seen[i] = p
end

local result = { passes and 1 or 0 }
for i, p in ipairs(seen) do
  if p.mode == 'f' or (passes and p.fits) then
    p.taken = p.cost
    if p.want > p.cost then p.taken = math.max(p.cost, math.min(p.want, math.floor(p.left))) end
    if p.taken ~= 0 then
      if p.is_bucket then spend_bucket(p, p.taken) else spend_window(p, p.taken) end
    end
  end
  local reset, retry = 0, 0
  if p.is_bucket then
    reset = math.max(0, p.full - now)
    if not p.fits then retry = (math.min(p.cost, p.size) - p.left) * p.step end
  else
    if #p.entries > 0 then reset = forgotten(p, p.entries[#p.entries - 1]) end
    if not p.fits then retry = retry_of(p) end
  end
  result[#result + 1] = p.fits and 1 or 0
  result[#result + 1] = string.format('%.17g', p.left)
  result[#result + 1] = string.format('%.17g', reset)
  result[#result + 1] = string.format('%.17g', retry)
  result[#result + 1] = string.format('%.17g', p.taken)
end
return result
`)
