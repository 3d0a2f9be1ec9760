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

// holdURLs returns the URLs that Gloebit calls for a purchase: CallbackURL,
// then ID, step and signature as path segments.
func (l *Ledger) holdURLs(id string) gloebit.HoldURLs {
	at := func(step eventKind) string {
		return l.base + "/" + id + "/" + string(step) + "/" + signature(l.config.Keys[0], l.realm, id, step)
	}
	return gloebit.HoldURLs{Enact: at(eventEnact), Consume: at(eventConsume), Cancel: at(eventCancel)}
}

// signature returns the HMAC-SHA256 (RFC 2104) of realm, purchase and step, in
// base64url. Neither the realm nor a step contains a line feed, so different
// triples give different texts.
func signature(key gloebit.Secret, realm, id string, step eventKind) string {
	mac := hmac.New(sha256.New, []byte(key.Reveal()))
	_, _ = mac.Write([]byte("gloebit ledger hold URL\n" + realm + "\n" + id + "\n" + string(step))) // never fails
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// readHoldURL returns the purchase and the step of a callback, and whether it
// is signed. It uses only the last three segments of the path, so a prefix that
// a proxy or http.StripPrefix has left does not matter. It takes the same time
// for every kind of mistake.
func (l *Ledger) readHoldURL(r *http.Request) (id string, step eventKind, signed bool) {
	segments := strings.Split(r.URL.Path, "/")
	for len(segments) < 3 {
		segments = append(segments, "")
	}
	last := segments[len(segments)-3:]
	id, step = last[0], eventKind(last[1])
	valid := 0
	for _, key := range l.config.Keys {
		valid |= subtle.ConstantTimeCompare([]byte(signature(key, l.realm, id, step)), []byte(last[2]))
	}
	return id, step, valid == 1 && (step == eventEnact || step == eventConsume || step == eventCancel)
}
