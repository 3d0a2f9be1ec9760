package ledger

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// answer is the response to a hold callback. The zero value is no response.
type answer struct {
	status int
	no     string // the reason; empty means yes
}

var (
	yes        = answer{status: http.StatusOK}
	noPending  = answer{http.StatusOK, "pending"} // Gloebit asks again
	noRefused  = answer{http.StatusOK, "refused"}
	noCanceled = answer{http.StatusOK, "canceled"}
	noUnknown  = answer{http.StatusOK, "unknown"}

	// A cancel of what Gloebit has said to be paid, which it promises never to
	// send.
	conflictSettled = answer{http.StatusConflict, "settled"}

	// failed is the answer while the store fails: Gloebit may ask again.
	failed = answer{http.StatusServiceUnavailable, "pending"}
)

// conflict reports whether Gloebit has broken its promise with the callback.
func (a answer) conflict() bool { return a.status == http.StatusConflict }

// String is the answer's body.
func (a answer) String() string {
	list := []any{true}
	if a.no != "" {
		list = []any{false, a.no}
	}
	body, _ := json.Marshal(list) // never fails: a boolean and a string
	return string(body)
}

func (a answer) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	body := a.String()
	w.Header().Set("Content-Length", strconv.Itoa(len(body))) // whole as soon as it is flushed
	w.WriteHeader(a.status)
	_, _ = w.Write([]byte(body)) // the caller has gone if this fails, and will ask again
}
