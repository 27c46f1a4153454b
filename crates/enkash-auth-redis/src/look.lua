-- What stands under a key: '-' nothing, '?' nothing that can be read, '+' and a value.
local function look(key)
  local kind = redis.call('TYPE', key)['ok']
  if kind == 'none' then return '-' end
  if kind ~= 'string' or redis.call('STRLEN', key) > 65536 then return '?' end
  return '+' .. redis.call('GET', key)
end

