package gloebittest

import (
	"strconv"
	"time"
)

// maxSkew is how far a signed request's timestamp may be from the time here.
const maxSkew = 5 * time.Minute

// nonce is what a signed request may be made with only once (RFC 5849, section
// 3.3), beside its timestamp.
type nonce struct{ application, token, value string }

// nonces are those that were used, by their timestamps.
type nonces map[int64]map[nonce]bool

// use takes a nonce whose timestamp is near now, and returns the problem when
// it isn't or the nonce was used before. Timestamps that would be refused
// anyway are forgotten.
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
