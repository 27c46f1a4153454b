-- The time, and what stands under a key.
local now = redis.call('TIME')
return { now[1], now[2], look(KEYS[1]) }
