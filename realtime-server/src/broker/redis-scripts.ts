/**
 * What happens in Redis at once and as a whole.
 *
 * Of a channel there are `meta`, a hash (`e` epoch, `o` newest offset, `a` audience), and `stream`, whose entries have the
 * offset as their id and the fields `t` (when, in milliseconds) and `p` (the publication). The stream goes by its TTL, the
 * meta later. Besides, one string for each id and each version that is remembered.
 */
import { script } from '../redis-script.ts';

/** `now`: what was passed in, or Redis's clock, which all nodes share. */
const NOW = `
local function clock(given)
  if given ~= '' then return tonumber(given) end
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end`;

/** Position and audience of a channel; a channel that has none begins an epoch. */
const META = `
local function load(meta, stream, epoch, ttl)
  local kept = redis.call('HMGET', meta, 'e', 'o', 'a')
  if not kept[1] then
    redis.call('DEL', stream)
    redis.call('HSET', meta, 'e', epoch, 'o', 0)
    kept = { epoch, 0, false }
  end
  redis.call('PEXPIRE', meta, ttl)
  return kept[1], tonumber(kept[2]), kept[3]
end`;

/**
 * KEYS: meta, stream, shard channel, id, version; with the mark of the channel's verdicts when they are to be void. ARGV:
 * publication, history's size and TTL or '', the meta's TTL, now, epoch if one is to begin, TTL of the id or '', version or
 * '', TTL of the version, audience as `=name` or ''. Returns the offset, the epoch, and `duplicate`, `version` or ''.
 */
export const PUBLISH = script(`${NOW}${META}
local meta, stream, channel, idKey, versionKey = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local payload, size, ttl, metaTtl, given, newEpoch, idTtl, version, versionTtl, audience = unpack(ARGV)
-- Also by what is suppressed: a look-up too many is better than one that is missing.
if KEYS[6] then redis.call('DEL', KEYS[6]) end
if idTtl ~= '' then
  local first = redis.call('HMGET', idKey, 'o', 'e')
  if first[1] then return { tonumber(first[1]), first[2], 'duplicate' } end
end
local epoch, offset, before = '', 0, false
if size ~= '' then epoch, offset, before = load(meta, stream, newEpoch, metaTtl) end
if version ~= '' then
  local last = redis.call('GET', versionKey)
  if last and tonumber(version) <= tonumber(last) then return { offset, epoch, 'version' } end
  redis.call('SET', versionKey, version, 'PX', versionTtl)
end
if size ~= '' then
  if audience ~= '' and audience ~= before then
    redis.call('DEL', stream)
    redis.call('HSET', meta, 'a', audience)
  end
  offset = redis.call('HINCRBY', meta, 'o', 1)
  redis.call('XADD', stream, 'MAXLEN', '=', size, string.format('%.0f-0', offset), 't', clock(given), 'p', payload)
  redis.call('PEXPIRE', stream, ttl)
end
if idTtl ~= '' then
  redis.call('HSET', idKey, 'o', offset, 'e', epoch)
  redis.call('PEXPIRE', idKey, idTtl)
end
redis.call('SPUBLISH', channel, 'p' .. string.format('%.0f', offset) .. ' ' .. epoch .. '\\n' .. payload)
return { offset, epoch, '' }`);

/**
 * KEYS: meta, stream. ARGV: offset and epoch asked for or '', limit, `reverse` or '', history's TTL, the meta's TTL, now,
 * epoch if one is to begin. Returns the newest offset, the epoch, 1 when complete, then ids and publications by turns.
 */
export const HISTORY = script(`${NOW}${META}
local meta, stream = KEYS[1], KEYS[2]
local since, sinceEpoch, limit, reverse, ttl, metaTtl, given, newEpoch = unpack(ARGV)
local epoch, top = load(meta, stream, newEpoch, metaTtl)
local oldest = clock(given) - ttl
local first = top + 1
local count = 1
while true do
  local entries = redis.call('XRANGE', stream, '-', '+', 'COUNT', count)
  local keep
  for _, entry in ipairs(entries) do
    if tonumber(entry[2][2]) >= oldest then keep = entry[1] break end
  end
  if keep then
    first = tonumber(string.match(keep, '^%d+'))
    if keep ~= entries[1][1] then redis.call('XTRIM', stream, 'MINID', '=', keep) end
    break
  end
  if #entries < count then
    redis.call('DEL', stream)
    break
  end
  local last = tonumber(string.match(entries[count][1], '^%d+'))
  redis.call('XTRIM', stream, 'MINID', '=', string.format('%.0f-0', last + 1))
  count = 64
end
local from, to = '-', '+'
if since ~= '' then
  local offset = tonumber(since)
  if sinceEpoch ~= epoch or offset > top or (reverse == '' and offset < first - 1) then return { top, epoch, 0 } end
  if reverse == '' then from = string.format('%.0f-0', offset + 1) else to = string.format('(%.0f-0', offset) end
end
local reply = { top, epoch, 1 }
if tonumber(limit) <= 0 then return reply end
local entries
if reverse == '' then entries = redis.call('XRANGE', stream, from, to, 'COUNT', limit)
else entries = redis.call('XREVRANGE', stream, to, from, 'COUNT', limit) end
for _, entry in ipairs(entries) do
  reply[#reply + 1] = entry[1]
  reply[#reply + 1] = entry[2][4]
end
return reply`);
