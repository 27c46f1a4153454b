-- Sets the record of an account (KEYS[1]) to ARGV[3] if it still is ARGV[2], or, if ARGV[1] is '0', if
-- there is none.
local record = redis.call('GET', KEYS[1])
local expected = ARGV[1] == '1' and ARGV[2]
if record ~= expected then return 0 end
redis.call('SET', KEYS[1], ARGV[3])
return 1
