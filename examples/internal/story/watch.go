package story

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-gloebit/gloebit/internal/leaktest"
	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit/examples/internal/launch"
)

// whereSecretsGo is the document with the table of allowed places for secrets.
const whereSecretsGo = "../../docs/security-tests.md"

// watch is on both sides of a shop. It collects every secret that is sent, and
// everything that the shop outputs.
type watch struct {
	leaktest.Witness
	shop      string                           // the shop's URL
	provider  string                           // Gloebit's URL
	distorted atomic.Pointer[http.HandlerFunc] // replaces Gloebit's handler; may be nil
	panicAt   atomic.Pointer[string]           // the log record at which the logger panics; may be nil
	panics    atomic.Int64
}

// shopSide wraps the shop's handler. It sees requests of browsers and Gloebit's
// callbacks.
func (w *watch) shopSide(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.asked(r)
		tee := &tee{ResponseWriter: rw}
		defer func() { w.answered(tee) }() // also after a panic
		next.ServeHTTP(tee, r)
	})
}

func (w *watch) asked(r *http.Request) {
	for _, cookie := range r.Cookies() {
		if strings.Contains(cookie.Name, "hat_shop") {
			w.Secret("session cookie", cookie.Value)
		}
	}
	w.refers(r)
	switch {
	case r.URL.Path == launch.CallbackPath:
		w.Saw("callback URL", r.URL.RawQuery)
	case strings.HasPrefix(r.URL.Path, launch.HoldPath):
		w.Saw("hold URL", r.URL.String())
	default:
		w.Saw("address", r.URL.String())
	}
}

// refers checks the Referer header of requests that come from the shop's pages.
func (w *watch) refers(r *http.Request) {
	if strings.HasPrefix(r.Referer(), w.shop+"/") {
		w.Saw("Referer header", r.Referer())
	}
}

func (w *watch) answered(tee *tee) {
	w.Saw("page", tee.body.String())
	for _, cookie := range (&http.Response{Header: tee.Header()}).Cookies() {
		w.Secret("session cookie", cookie.Value)
		w.Saw("Set-Cookie header", cookie.Raw)
	}
	for name, values := range tee.Header() {
		switch {
		case name == "Set-Cookie":
		case name == "Location" && strings.HasPrefix(values[0], w.provider+"/oauth2/authorize?"):
			to, _ := url.Parse(values[0])
			w.Secret("state", to.Query().Get("state"))
			w.Saw("authorization URL", values...)
		default:
			w.Saw("header", values...)
		}
	}
}

// gloebitSide wraps Gloebit's handler. Requests of browsers there come from the
// shop's responses, where they are checked.
func (w *watch) gloebitSide(next http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		server := r.Header.Get("Authorization") != "" || strings.HasPrefix(r.URL.Path, "/oauth2/access-token")
		if !server {
			w.refers(r)
			next.ServeHTTP(rw, r)
			if to, err := url.Parse(rw.Header().Get("Location")); err == nil {
				w.Secret("authorization code", to.Query().Get("code"))
			}
			return
		}
		_ = r.ParseForm() // other bodies have no fields
		r.Body = io.NopCloser(bytes.NewReader(body))
		w.recordRequest(r, string(body))
		tee := &tee{ResponseWriter: rw}
		if distorted := w.distorted.Load(); distorted != nil {
			(*distorted)(tee, r)
		} else {
			next.ServeHTTP(tee, r)
		}
		if token := field(tee.body.Bytes(), "access_token"); token != "" {
			w.Saw("token response", tee.body.String())
			w.Secret("access token", token)
			w.Secret("refresh token", field(tee.body.Bytes(), "refresh_token"))
		}
	})
}

// recordRequest records a request of the shop to Gloebit.
func (w *watch) recordRequest(r *http.Request, body string) {
	header := r.Header.Get("Authorization")
	w.Saw("Authorization header", header)
	w.Secret("access token", strings.TrimPrefix(header, "Bearer "))
	switch strings.Trim(r.URL.Path, "/") {
	case "oauth2/access-token":
		w.Saw("token request", body)
		form, _ := url.ParseQuery(body)
		w.Secret("client secret", form.Get("client_secret"))
		w.Secret("authorization code", form.Get("code"))
		w.Secret("PKCE verifier", form.Get("code_verifier"))
		w.Secret("refresh token", form.Get("refresh_token"))
	case "transact":
		w.Saw("transact request", body)
		for _, step := range []string{"enact", "consume", "cancel"} {
			w.Secret("hold signature", path.Base(field([]byte(body), "asset-"+step+"-hold-url")))
		}
	default:
		w.Saw("API request", body)
	}
	others := r.Header.Clone()
	others.Del("Authorization")
	for _, values := range others {
		w.Saw("API request", values...)
	}
	w.Saw("API request", r.URL.String())
}

// kept reads the files of the database.
func (w *watch) kept(t *testing.T, file string) {
	t.Helper()
	for _, suffix := range []string{"", "-wal", "-journal"} {
		text, err := os.ReadFile(file + suffix)
		if suffix != "" && os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		w.Saw("database", string(text))
	}
}

// logger is the shop's logger. It logs everything at debug level, in both of
// slog's formats, and prints every value with all common verbs.
func (w *watch) logger(more io.Writer) *slog.Logger {
	return slog.New(slog.NewMultiHandler(
		slog.NewTextHandler(more, nil),
		slog.NewTextHandler(seenWriter{w, "log"}, &slog.HandlerOptions{Level: slog.LevelDebug}),
		slog.NewJSONHandler(seenWriter{w, "log"}, &slog.HandlerOptions{Level: slog.LevelDebug}),
		verbs{w},
	))
}

// verbs is a log handler that prints every value with all verbs. At the record
// in panicAt it panics, in the middle of a request.
type verbs struct{ watch *watch }

func (v verbs) Enabled(context.Context, slog.Level) bool { return true }
func (v verbs) WithAttrs([]slog.Attr) slog.Handler       { return v }
func (v verbs) WithGroup(string) slog.Handler            { return v }

func (v verbs) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		v.watch.printed("log", a.Value.Any())
		return true
	})
	if at := v.watch.panicAt.Load(); at != nil && *at == r.Message {
		v.watch.panics.Add(1)
		panic(r)
	}
	return nil
}

// printed prints a value, alone and in other values, with all common verbs. In
// other values it omits the verbs for text: for a verb that does not fit, which
// go vet reports, package fmt calls no method of the value.
func (w *watch) printed(place string, value any) {
	for i, v := range []any{value, struct{ Value any }{value}, []any{value}, map[string]any{"value": value}} {
		for _, verb := range []string{"%v", "%+v", "%#v"} {
			w.Saw(place, fmt.Sprintf(verb, v))
		}
		if i == 0 {
			w.Saw(place, fmt.Sprintf("%q %s %x", v, v, v))
		}
		if text, err := json.Marshal(v); err == nil { // some values can't be encoded
			w.Saw(place, string(text))
		}
	}
}

// field returns a string field of a JSON object, or "".
func field(object []byte, name string) string {
	var fields map[string]any
	_ = json.Unmarshal(object, &fields) // other values have no fields
	text, _ := fields[name].(string)
	return text
}

// seenWriter is an io.Writer that passes texts to the watch.
type seenWriter struct {
	watch *watch
	place string
}

func (s seenWriter) Write(p []byte) (int, error) {
	s.watch.Saw(s.place, string(p))
	return len(p), nil
}

// tee keeps a copy of the response.
type tee struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (t *tee) Write(p []byte) (int, error) {
	t.body.Write(p)
	return t.ResponseWriter.Write(p)
}

// Unwrap supports http.ResponseController.
func (t *tee) Unwrap() http.ResponseWriter { return t.ResponseWriter }
