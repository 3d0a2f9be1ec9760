package ledger

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// answer is the response to a hold callback. The zero value is no response.
type answer struct {
	status int
	no     string // the reason for no; empty means yes
}

var (
	yes        = answer{status: http.StatusOK}
	noPending  = answer{http.StatusOK, "pending"} // Gloebit asks again
	noRefused  = answer{http.StatusOK, "refused"}
	noCanceled = answer{http.StatusOK, "canceled"}
	noUnknown  = answer{http.StatusOK, "unknown"}

	// A cancel after Gloebit has reported payment, which it promises never to
	// send.
	conflictSettled = answer{http.StatusConflict, "settled"}

	// failed is the response while the store fails. Gloebit may retry.
	failed = answer{http.StatusServiceUnavailable, "pending"}
)

// conflict reports whether Gloebit broke its promise by sending the callback.
func (a answer) conflict() bool { return a.status == http.StatusConflict }

// String returns the body of the response.
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
	w.Header().Set("Content-Length", strconv.Itoa(len(body))) // so that the response is complete once it is flushed
	w.WriteHeader(a.status)
	_, _ = w.Write([]byte(body)) // an error means that the client has disconnected; it will retry
}
