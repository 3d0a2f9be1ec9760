package redisstore

import "github.com/redis/go-redis/v9"

// Every script can be run again when its response was lost, as go-redis does:
// the second run changes nothing and returns the same result. KEYS[1] is a
// user's lock, KEYS[2] the user's credential, and ARGV[1] the caller's token.
const (
	// obtainScript takes the lock for ARGV[2] milliseconds unless another
	// caller holds it. It returns {1, credential} or {0}. The script reads the
	// credential so that the primary does it, after taking the lock.
	obtainScript = `
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return {0} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return {1, redis.call('GET', KEYS[2])}`

	// saveScript stores ARGV[2] for ARGV[3] milliseconds, or without expiry if
	// that is 0. If ARGV[2] is empty, it removes the credential. It returns 1,
	// or 0 without a change if the caller no longer holds the lock.
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

	// releaseScript releases the lock if the caller still holds it.
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
