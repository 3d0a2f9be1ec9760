package gloebittest

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// reply is the JSON object of a response.
type reply map[string]any

// success is the reply of a successful request. Callers add more fields.
func success() reply { return reply{"success": true, "reason": "success"} }

// failure is the reply of a refused request, with the reason.
func failure(reason string) reply { return reply{"success": false, "reason": reason} }

// failed is a failure with a status.
func failed(status, reason string) reply {
	answer := failure(reason)
	answer["status"] = status
	return answer
}

// writeJSON sends a response. All values of answer must be encodable.
func writeJSON(w http.ResponseWriter, status int, answer any) {
	body, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
