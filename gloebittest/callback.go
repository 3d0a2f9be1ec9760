package gloebittest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"
)

// maxCallbackBody is how many bytes of a callback's response are read.
const maxCallbackBody = 64 << 10

// answerKind is the meaning of a callback's response.
type answerKind int

const (
	answerNone    answerKind = iota // no response, or an incomplete one
	answerFailed                    // a status other than 200
	answerPending                   // false, "pending": ask again later
	answerFalse                     // false
	answerTrue                      // true
	answerOther                     // status 200 with any other body
)

// verdict is the result of calling a hold URL.
type verdict struct {
	kind  answerKind
	text  string // for the transaction's history
	cause error  // the error, if there was no response
}

// ends reports whether the response ends the step. An enact step ends with true
// or false. The others end with status 200, or with any response if responses
// are ignored.
func (v verdict) ends(step string, ignored bool) bool {
	switch {
	case step == "enact":
		return v.kind == answerTrue || v.kind == answerFalse
	case v.kind == answerFailed:
		return ignored
	}
	return v.kind != answerNone
}

// newCallbackClient is the default client for hold URLs.
func newCallbackClient() *http.Client {
	client := &http.Client{
		Timeout:       10 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if transport, ok := http.DefaultTransport.(*http.Transport); ok {
		client.Transport = transport.Clone()
	}
	return client
}

// perform makes a claimed callback and processes its response. If the context
// ends first, it queues the callback again.
func (g *Gloebit) perform(ctx context.Context, d *delivery) {
	got := g.get(ctx, d.url)
	interrupted := got.kind == answerNone && ctx.Err() != nil
	if !interrupted {
		attrs := []slog.Attr{
			slog.String("step", d.step), slog.String("transaction", d.record.ID),
			slog.String("answer", got.text), slog.Bool("again", d.echo),
		}
		if got.cause != nil {
			attrs = append(attrs, slog.String("cause", got.cause.Error()))
		}
		g.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "gloebit callback", attrs...)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inFlight--
	g.signal()
	if interrupted {
		g.schedule(d)
		return
	}
	g.settle(d, got)
}

// get calls a hold URL unchanged.
func (g *Gloebit) get(ctx context.Context, holdURL string) verdict {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, holdURL, nil)
	if err != nil {
		return verdict{kind: answerNone, text: "not a URL"}
	}
	response, err := g.cfg.HTTPClient.Do(request)
	if err != nil {
		var failed *url.Error // its text contains the hold URL, which is a secret
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return verdict{kind: answerNone, text: "no answer", cause: err}
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxCallbackBody))
	switch {
	case response.StatusCode != http.StatusOK:
		return verdict{kind: answerFailed, text: fmt.Sprintf("http %d", response.StatusCode)}
	case err != nil:
		return verdict{kind: answerNone, text: "the answer broke off"}
	}
	return readAnswer(body)
}

// readAnswer parses [true], [false, "pending"], [false, "reason"] and [false].
func readAnswer(body []byte) verdict {
	var list []any
	if err := json.Unmarshal(body, &list); err != nil || len(list) == 0 {
		return verdict{kind: answerOther, text: "not understood"}
	}
	yes, ok := list[0].(bool)
	switch {
	case !ok:
		return verdict{kind: answerOther, text: "not understood"}
	case yes:
		return verdict{kind: answerTrue, text: "true"}
	case len(list) > 1 && list[1] == "pending":
		return verdict{kind: answerPending, text: "pending"}
	case len(list) > 1:
		return verdict{kind: answerFalse, text: fmt.Sprintf("false: %.200v", list[1])}
	}
	return verdict{kind: answerFalse, text: "false"}
}
