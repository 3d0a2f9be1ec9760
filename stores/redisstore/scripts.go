package redisstore

import "github.com/redis/go-redis/v9"

// Every script can be sent again when its answer was lost, as go-redis does:
// the second run changes nothing and answers as the first did. KEYS[1] is a
// user's lock, KEYS[2] their credential, ARGV[1] the token of the one who asks.
const (
	// obtainScript takes the lock for ARGV[2] milliseconds unless another has
	// it, and returns {1, credential}, or {0}. The read is in the script so
	// that it is done by the primary, and after the lock is there.
	obtainScript = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return {0} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {1, redis.call('GET', KEYS[2])}`

	// saveScript keeps ARGV[2] for ARGV[3] milliseconds, or without an expiry if
	// that is 0, or removes the credential if ARGV[2] is empty. It returns 1, or 0
	// if the caller no longer holds the lock; then it changes nothing.
	saveScript = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '' then
	redis.call('DEL', KEYS[2])
elseif ARGV[3] == '0' then
	redis.call('SET', KEYS[2], ARGV[2])
else
	redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
end
return 1`

	// releaseScript gives the lock back if it is still the asker's.
	releaseScript = `
if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`
)

type scripts struct{ obtain, save, release *redis.Script }

func newScripts() scripts {
	return scripts{
		obtain:  redis.NewScript(obtainScript),
		save:    redis.NewScript(saveScript),
		release: redis.NewScript(releaseScript),
	}
}
