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

// wire is how the application reaches Gloebit. It learns every secret that goes
// over it, and can hold an answer back.
type wire struct {
	transport *http.Transport
	eye       *eye

	mu    sync.Mutex
	forms map[string][]url.Values // what the token endpoint was asked, by grant type
	held  *held
}

// held is the next answer of the token endpoint, which waits.
type held struct {
	arrived, release chan struct{}
}

func newWire(t *testing.T, eye *eye) *wire {
	w := &wire{transport: http.DefaultTransport.(*http.Transport).Clone(), eye: eye, forms: map[string][]url.Values{}}
	t.Cleanup(w.transport.CloseIdleConnections)
	return w
}

// hold makes the next answer of the token endpoint wait for its release, when
// Gloebit has done what it was asked.
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
	form, _ := url.ParseQuery(string(body)) // what is none has no field
	for _, name := range []string{"code", "code_verifier", "refresh_token"} {
		w.eye.keep("the "+name, form.Get(name))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	kind := form.Get("grant_type")
	w.forms[kind] = append(w.forms[kind], form)
	held := w.held
	w.held = nil
	return held
}

// asked returns what the token endpoint was asked for a grant of that type.
func (w *wire) asked(grant string) []url.Values {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.forms[grant])
}

func (w *wire) learn(body []byte) {
	var answer map[string]any
	_ = json.Unmarshal(body, &answer) // what is no answer has no token
	for _, name := range []string{"access_token", "refresh_token"} {
		token, _ := answer[name].(string)
		w.eye.keep("the "+name, token)
	}
}

// eye sees what browsers and logs get, and knows what they must not get.
type eye struct {
	mu      sync.Mutex
	secrets map[string]string // the secret: what it is
	seen    []seen
	log     buffer
}

func (e *eye) keep(what, secret string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if secret != "" {
		if e.secrets == nil {
			e.secrets = map[string]string{}
		}
		e.secrets[secret] = what
	}
}

// seen is one answer that a browser got.
type seen struct {
	address string
	header  http.Header
	body    string
}

func (e *eye) see(one seen) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.seen = append(e.seen, one)
}

// all returns what was seen so far.
func (e *eye) all() []seen {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.seen)
}

// known returns the secrets so far.
func (e *eye) known() map[string]string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.secrets)
}

// finds returns what secrets are in a text, but for those excepted: as they are,
// escaped for a URL, or in base64, up to four times over, as signed cookies have
// it.
func (e *eye) finds(text string, except ...string) (found []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	texts := []string{text}
	for range 4 {
		var inner []string
		for _, t := range texts {
			for secret, what := range e.secrets {
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

// decoded returns what the words of a text are, when they are an encoding.
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

// buffer is a log that many goroutines write.
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
