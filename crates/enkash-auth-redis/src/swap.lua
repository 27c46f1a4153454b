-- Writes the record of an account (KEYS[1]) and perhaps a token (KEYS[2]), if both are still what
-- was seen of them; keeps a record that cannot be read under KEYS[3].
local seen_record, seen_token, record, keep, token, life = unpack(ARGV)
if look(KEYS[1]) ~= seen_record or look(KEYS[2]) ~= seen_token then return 0 end
if keep == '1' then redis.call('RENAME', KEYS[1], KEYS[3]) end
redis.call('SET', KEYS[1], record)
if token ~= '' then redis.call('SET', KEYS[2], token, 'PX', life) end
return 1
