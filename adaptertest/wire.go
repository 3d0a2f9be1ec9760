package adaptertest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// wire is the application's transport to Gloebit. It records the secrets that
// it transmits and can delay a response.
type wire struct {
	transport *http.Transport
	recorder  *recorder

	mu    sync.Mutex
	forms map[string][]url.Values // the requests to the token endpoint by grant type
	held  *held
}

// held is a delayed response of the token endpoint.
type held struct {
	arrived, release chan struct{}
}

func newWire(t *testing.T, recorder *recorder) *wire {
	w := &wire{
		transport: http.DefaultTransport.(*http.Transport).Clone(),
		recorder:  recorder, forms: map[string][]url.Values{},
	}
	t.Cleanup(w.transport.CloseIdleConnections)
	return w
}

// hold delays the next response of the token endpoint until release is closed.
// Gloebit has then processed the request.
func (w *wire) hold() *held {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = &held{arrived: make(chan struct{}), release: make(chan struct{})}
	return w.held
}

// RoundTrip implements [http.RoundTripper].
func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "access-token") {
		return w.transport.RoundTrip(r)
	}
	asked, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(asked))
	held := w.ask(asked)
	response, err := w.transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	answered, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	response.Body = io.NopCloser(bytes.NewReader(answered))
	w.learn(answered)
	if held != nil {
		close(held.arrived)
		select {
		case <-held.release:
		case <-r.Context().Done():
		}
		if err := r.Context().Err(); err != nil {
			return nil, err
		}
	}
	return response, nil
}

func (w *wire) ask(body []byte) *held {
	form, _ := url.ParseQuery(string(body)) // a body that is no form has no fields
	for _, name := range []string{"code", "code_verifier", "refresh_token"} {
		w.recorder.addSecret("the "+name, form.Get(name))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	kind := form.Get("grant_type")
	w.forms[kind] = append(w.forms[kind], form)
	held := w.held
	w.held = nil
	return held
}

// asked returns the requests to the token endpoint with the grant type.
func (w *wire) asked(grant string) []url.Values {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.forms[grant])
}

func (w *wire) learn(body []byte) {
	var answer map[string]any
	_ = json.Unmarshal(body, &answer) // a body that is no JSON has no token
	for _, name := range []string{"access_token", "refresh_token"} {
		token, _ := answer[name].(string)
		w.recorder.addSecret("the "+name, token)
	}
}

// recorder records the responses and logs, and the secrets that must not be in
// them.
type recorder struct {
	mu      sync.Mutex
	secrets map[string]string // the name of each secret
	seen    []seen
	log     buffer
}

func (r *recorder) addSecret(what, secret string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if secret != "" {
		if r.secrets == nil {
			r.secrets = map[string]string{}
		}
		r.secrets[secret] = what
	}
}

// seen is a response that a browser received.
type seen struct {
	address string
	header  http.Header
	body    string
}

func (r *recorder) record(one seen) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, one)
}

// responses returns the responses so far.
func (r *recorder) responses() []seen {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.seen)
}

// allSecrets returns the secrets so far.
func (r *recorder) allSecrets() map[string]string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.secrets)
}

// findSecrets returns the names of the secrets in a text, except those in
// except. It finds them in plain text, escaped for a URL and in base64, nested
// up to four times as in signed cookies.
func (r *recorder) findSecrets(text string, except ...string) (found []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	texts := []string{text}
	for range 4 {
		var inner []string
		for _, t := range texts {
			for secret, what := range r.secrets {
				if !slices.Contains(except, what) && strings.Contains(t, secret) {
					found = append(found, what)
				}
			}
			inner = append(inner, decoded(t)...)
		}
		texts = inner
	}
	return found
}

// decoded returns the decodings of the text's words.
func decoded(text string) (inner []string) {
	words := strings.FieldsFunc(text, func(r rune) bool {
		return !strings.ContainsRune("+/-_=%", r) && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
	for _, word := range words {
		if plain, err := url.QueryUnescape(word); err == nil && plain != word {
			inner = append(inner, plain)
		}
		for _, part := range append(strings.Split(word, "="), word) {
			for _, encoding := range []*base64.Encoding{base64.RawURLEncoding, base64.RawStdEncoding} {
				if plain, err := encoding.DecodeString(strings.TrimRight(part, "=")); err == nil && len(plain) > 15 {
					inner = append(inner, string(plain))
				}
			}
		}
	}
	return inner
}

// buffer is a log for concurrent use.
type buffer struct {
	mu    sync.Mutex
	bytes bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.bytes.String()
}
