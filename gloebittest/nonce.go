package gloebittest

import (
	"strconv"
	"time"
)

// maxSkew is the greatest difference between a signed request's timestamp and
// the Gloebit's time.
const maxSkew = 5 * time.Minute

// nonce identifies a signed request, together with its timestamp (RFC 5849,
// section 3.3).
type nonce struct{ application, token, value string }

// nonces are the used nonces by timestamp.
type nonces map[int64]map[nonce]bool

// use records a nonce. It returns a problem if the timestamp is not near now or
// the nonce was used before. It forgets timestamps that would be refused.
func (n nonces) use(now time.Time, timestamp string, one nonce) (problem string) {
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	oldest, latest := now.Add(-maxSkew).Unix(), now.Add(maxSkew).Unix()
	if err != nil || seconds < oldest || seconds > latest {
		return "timestamp_refused"
	}
	for t := range n {
		if t < oldest || t > latest {
			delete(n, t)
		}
	}
	if n[seconds][one] {
		return "nonce_used"
	}
	if n[seconds] == nil {
		n[seconds] = make(map[nonce]bool)
	}
	n[seconds][one] = true
	return ""
}
