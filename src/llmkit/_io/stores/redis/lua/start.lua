-- What every script begins with: the operation, and the time.
--
-- KEYS[1] is the ledger, llmkit:{name}; every other key is KEYS[1] .. ":" .. something, and so in the same slot.
-- ARGV[1] is the operation as JSON; ARGV[2] is there where it is asked once more and may have been done.
if redis.replicate_commands then redis.replicate_commands() end -- before Redis 7 it could be configured away
local call, decode, encode, format, floor = redis.call, cjson.decode, cjson.encode, string.format, math.floor
local DAY = 86400000
local op = decode(ARGV[1])

local function fail(text) error('LLMKIT ' .. text, 0) end

local now = op.now
if not now then
  local time = call('TIME')
  now = time[1] * 1000 + floor(time[2] / 1000)
end

-- Adding 0 makes 0 of -0.
local function text(n) return format('%.0f', n + 0) end

