package ledger

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/go-gloebit/gloebit"
)

// holdURLs are the addresses that Gloebit calls for a purchase: CallbackURL,
// then id, step and signature as path segments.
func (l *Ledger) holdURLs(id string) gloebit.HoldURLs {
	at := func(step event) string {
		return l.base + "/" + id + "/" + string(step) + "/" + signature(l.config.Keys[0], id, step)
	}
	return gloebit.HoldURLs{Enact: at(eventEnact), Consume: at(eventConsume), Cancel: at(eventCancel)}
}

// signature is an HMAC-SHA256 (RFC 2104) over purchase and step, in base64url.
// No step has a line feed in it, so no two pairs give the same text.
func signature(key gloebit.Secret, id string, step event) string {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	_, _ = mac.Write([]byte("gloebit ledger hold URL\n" + id + "\n" + string(step))) // never fails
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// readHoldURL tells which purchase and step a callback is for, and whether it
// is signed. It looks at the last three segments of the path alone, so that it
// does not matter what prefix a proxy or http.StripPrefix has left. It takes
// the same time whatever is wrong.
func (l *Ledger) readHoldURL(r *http.Request) (id string, step event, signed bool) {
	segments := strings.Split(r.URL.Path, "/")
	for len(segments) < 3 {
		segments = append(segments, "")
	}
	last := segments[len(segments)-3:]
	id, step = last[0], event(last[1])
	valid := 0
	for _, key := range l.config.Keys {
		valid |= subtle.ConstantTimeCompare([]byte(signature(key, id, step)), []byte(last[2]))
	}
	return id, step, valid == 1 && (step == eventEnact || step == eventConsume || step == eventCancel)
}
