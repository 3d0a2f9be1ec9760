package modeltest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// held is a transaction in the model of Gloebit. The model keeps Gloebit's
// guarantees: consume comes only after an enact that was answered with true,
// and never together with cancel. Whether it repeats the two after another
// answer is random, because its documents say that it ignores the answer.
type held struct {
	id                              string
	enactAt, consumeAt              string
	cancelAt                        string
	held                            bool // the gloebits are on hold, or were
	enacted                         bool // an enact was answered with true
	committed                       bool // the gloebits are the merchant's, for good
	rolledBack                      bool // the gloebits went back, for good
	consumeReceived, cancelReceived bool // the callback was answered with status 200
	answered                        bool // consume or cancel got a response and is not called again
}

// mood is how the model of Gloebit treats its next transactions.
type mood struct {
	work string // "hold", "insufficient", "pending", "reject"
	lost string // "", "before", "after": where the call is lost
}

// model is a Gloebit, as an http.RoundTripper.
type model struct {
	mood         mood
	enactEarly   bool // enact is called before transact is answered
	call         func(url string) (status int, body string)
	transactions []*held
	byID         map[string]*held
}

func (m *model) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	status, answer := m.transact(body)
	return &http.Response{
		StatusCode: status, Header: http.Header{"Retry-After": {"86400"}}, // so that the client does not retry
		Body: io.NopCloser(strings.NewReader(answer)), Request: r,
	}, nil
}

func (m *model) transact(body []byte) (status int, answer string) {
	if m.mood.lost == "before" {
		return http.StatusServiceUnavailable, ""
	}
	var order struct {
		ID      string `json:"id"`
		Enact   string `json:"asset-enact-hold-url"`
		Consume string `json:"asset-consume-hold-url"`
		Cancel  string `json:"asset-cancel-hold-url"`
	}
	if err := json.Unmarshal(body, &order); err != nil {
		return http.StatusBadRequest, ""
	}
	t := m.byID[order.ID]
	if t == nil {
		t = &held{id: order.ID, enactAt: order.Enact, consumeAt: order.Consume, cancelAt: order.Cancel}
		m.byID[order.ID] = t
		m.transactions = append(m.transactions, t)
	}
	success, reason := true, "resubmitted"
	if !t.held {
		switch m.mood.work {
		case "hold":
			t.held, reason = true, "success"
		case "insufficient":
			success, reason = false, "insufficient balance"
		case "reject":
			success, reason = false, "the moon is full"
		default:
			success, reason = false, "pending"
		}
	}
	if m.enactEarly && t.held {
		m.enact(t)
	}
	switch {
	case m.mood.lost == "after":
		return http.StatusServiceUnavailable, ""
	case reason == "pending": // with a status that has Retry-After, or the client would retry
		return http.StatusServiceUnavailable, `{"success":false,"reason":"pending"}`
	}
	return http.StatusOK, fmt.Sprintf(`{"success":%t,"id":%q,"status":"queued","reason":%q}`, success, t.id, reason)
}

// enact calls the enact URL and does what the answer says.
func (m *model) enact(t *held) (status int, body string) {
	status, body = m.call(t.enactAt)
	if status != http.StatusOK || t.committed || t.rolledBack {
		return status, body
	}
	switch body {
	case "[true]":
		t.enacted = true
	case `[false,"pending"]`:
	default:
		if !t.enacted {
			t.rolledBack = true
		}
	}
	return status, body
}

// pathOf is the path of a URL.
func pathOf(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "/"
	}
	return u.Path
}
