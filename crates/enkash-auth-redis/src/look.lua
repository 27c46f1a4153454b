-- What stands under a key, and the time. '-' nothing, '?' nothing that can be read, '+' and a value.
local function look(key)
  local kind = redis.call('TYPE', key)['ok']
  if kind == 'none' then return '-' end
  if kind ~= 'string' or redis.call('STRLEN', key) > 65536 then return '?' end
  return '+' .. redis.call('GET', key)
end

local now = redis.call('TIME')
return { now[1], now[2], look(KEYS[1]) }
