package exporttest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/internal/leaktest"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/stretchr/testify/require"
)

// wire is the transport to Gloebit. It reports every secret to the witness.
// While it parrots, it refuses every request and echoes it.
type wire struct {
	witness leaktest.Witness
	parrots atomic.Bool
}

var (
	issued    = regexp.MustCompile(`"(access_token|refresh_token)": ?"([^"]+)"`)
	signature = regexp.MustCompile(`/(?:enact|consume|cancel)/([A-Za-z0-9_-]{43})`)
)

func (w *wire) RoundTrip(request *http.Request) (*http.Response, error) {
	sent, err := io.ReadAll(bodyOf(request))
	if err != nil {
		return nil, err
	}
	request = request.Clone(request.Context())
	request.Body = io.NopCloser(bytes.NewReader(sent))
	form, _ := url.ParseQuery(string(sent))
	for name, kind := range map[string]string{
		"client_secret": "client secret", "code": "authorization code", "code_verifier": "PKCE verifier",
		"refresh_token": "refresh token",
	} {
		w.witness.Secret(kind, form[name]...)
	}
	for _, found := range signature.FindAllSubmatch(sent, -1) {
		w.witness.Secret("hold signature", string(found[1]))
	}
	if w.parrots.Load() {
		said := request.Header.Get("Authorization") + " " + string(sent)
		answer := httptest.NewRecorder()
		answer.WriteHeader(http.StatusBadRequest)
		_ = json.NewEncoder(answer).Encode(map[string]any{
			"success": false, "reason": said, "status": said, "error": "no " + said, "error_description": said,
		})
		return answer.Result(), nil
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(response.Body)
	response.Body.Close()
	for _, found := range issued.FindAllSubmatch(body, -1) {
		w.witness.Secret(strings.ReplaceAll(string(found[1]), "_", " "), string(found[2]))
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, err
}

func bodyOf(request *http.Request) io.Reader {
	if request.Body == nil {
		return http.NoBody
	}
	return request.Body
}

// TestLeaks looks for every secret in the spans and metrics of a user who
// connects, buys and meets failures.
func TestLeaks(t *testing.T) {
	w := &wire{}
	s := newShop(t)
	s.config = func(c *gloebit.Config) { c.HTTPClient = &http.Client{Transport: w} }
	replica := s.start("first", goods{fails: fmt.Errorf("the warehouse is closed")})
	w.witness.Secret("hold URL key", holdKey.Reveal())
	var callbacks []string
	visit := func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/callback") {
			callbacks = append(callbacks, r.URL.RequestURI())
		}
		w.witness.Secret("state", r.URL.Query()["state"]...)
	}
	browser := s.browser(visit)
	require.Equal(t, http.StatusOK, s.get(browser, "/buy?key=1"))
	require.NoError(t, s.shop.Gloebit.Settle(t.Context()))
	require.Positive(t, s.shop.Gloebit.ExpireTokens("alice"))
	require.Equal(t, http.StatusOK, s.get(browser, "/buy?key=2"), "refreshed")
	home, err := url.Parse(s.shop.Server.URL)
	require.NoError(t, err)
	for _, cookie := range browser.Jar.Cookies(home) {
		w.witness.Secret("session cookie", cookie.Value)
	}

	w.parrots.Store(true)
	s.get(browser, "/buy?key=3")
	require.NoError(t, replica.ledger.Reconcile(t.Context()))
	s.get(s.browser(visit), "/buy?key=4") // the connection fails
	state := url.Values{"state": {w.pending(t, s, visit)}, "error": {"no"}}
	state.Set("error_description", "no "+state.Get("state"))
	s.get(browser, "/gloebit/callback?"+state.Encode())
	for _, callback := range slices.Clone(callbacks) { // again, and from another browser
		s.get(browser, callback)
		s.get(s.browser(visit), callback)
	}
	w.parrots.Store(false)
	s.get(browser, "/gloebit/hold/id/enact/guess")

	metrics := httptest.NewRecorder()
	promhttp.HandlerFor(replica.registry, promhttp.HandlerOpts{}).ServeHTTP(
		metrics, httptest.NewRequest(http.MethodGet, "/", nil),
	)
	require.NoError(t, replica.tracing.ForceFlush(context.WithoutCancel(t.Context())))
	s.receiver.mu.Lock()
	spans := s.receiver.text
	s.receiver.mu.Unlock()
	for _, name := range []string{
		"oauth exchange", "oauth refresh", "gloebit transact", "fulfiller Deliver", "ErrTokenExchange",
	} {
		require.Contains(t, strings.Join(spans, ""), name)
	}
	w.witness.Saw("metrics", metrics.Body.String())
	w.witness.Saw("spans", spans...)
	s.stop(replica)
	w.witness.WantsAll(t, leaktest.Table{
		"client secret": nil, "authorization code": nil, "PKCE verifier": nil, "state": nil, "session cookie": nil,
		"access token": nil, "refresh token": nil, "hold URL key": nil, "hold signature": nil,
	})
}

// pending starts another connection in a browser of its own, and returns its
// state. It does not ask Gloebit.
func (w *wire) pending(t *testing.T, s *shop, visit func(*http.Request)) string {
	t.Helper()
	browser := s.browser(visit)
	browser.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := browser.Get(s.shop.Server.URL + "/gloebit/connect")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	to, err := response.Location()
	require.NoError(t, err)
	w.witness.Secret("state", to.Query()["state"]...)
	return to.Query().Get("state")
}
