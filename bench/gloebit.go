package bench

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit"
	"golang.org/x/oauth2"
)

const (
	alice      = "alice"
	clientID   = "bench"
	gloebitURL = "https://gloebit.example/"
	realm      = "gloebit.example/" + clientID // of all merchants of the canned Gloebit
	shopURL    = "https://shop.example"
	callback   = shopURL + "/gloebit/callback"
	patience   = 15 * time.Second // request timeout of both sides, as in production
)

var scopes = []gloebit.Scope{gloebit.ScopeBalance, gloebit.ScopeTransact}

// canned is a Gloebit without a network. It responds at once, except that a
// token request takes the time in takes.
type canned struct {
	takes time.Duration
	// token returns the access token for a token request. If nil, it is
	// "token-of-alice".
	token func(url.Values) string
	// transact reads the body of a transact request and returns its ID.
	transact func(body io.Reader) (id string, err error)
	// called is called for any other request. It may be nil.
	called func()
}

// client returns an HTTP client for the canned Gloebit, the same for both
// sides.
func (c canned) client() *http.Client { return &http.Client{Transport: c, Timeout: patience} }

func tokenOf(user string) string { return "token-of-" + user }

// RoundTrip implements [http.RoundTripper].
func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer func() { _ = r.Body.Close() }()
	}
	switch r.URL.Path {
	case "/oauth2/access-token":
		return c.answerToken(r)
	case "/user":
		user := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer token-of-")
		return reply(r, `{"success":true,"id":"`+user+`","name":"`+user+`"}`), nil
	case "/transact":
		id, err := c.transact(r.Body)
		return reply(r, `{"success":true,"status":"queued","reason":"success","balance":960,"id":"`+id+`"}`), err
	}
	if c.called != nil {
		c.called()
	}
	return reply(r, `{"success":true,"balance":1234.5}`), nil
}

func (c canned) answerToken(r *http.Request) (*http.Response, error) {
	access := tokenOf(alice)
	if c.token != nil {
		form, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		values, err := url.ParseQuery(string(form))
		if err != nil {
			return nil, err
		}
		access = c.token(values)
	}
	if c.takes > 0 {
		timer := time.NewTimer(c.takes)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	return reply(r, `{"access_token":"`+access+`","scope":"balance transact"}`), nil
}

func reply(r *http.Request, body string) *http.Response {
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        http.Header{"Content-Type": {"application/json"}},
		ContentLength: int64(len(body)),
		Body:          io.NopCloser(strings.NewReader(body)),
		Request:       r,
	}
}

// newMerchant returns a merchant, by default of the canned Gloebit.
func newMerchant(config gloebit.Config) (*gloebit.Merchant, error) {
	config.ClientID, config.ClientSecret, config.RedirectURL, config.Scopes = clientID, "secret", callback, scopes
	if config.SignIn { // reading the user's name is not part of the comparison
		config.Scopes = append([]gloebit.Scope{gloebit.ScopeUser}, scopes...)
	}
	if config.Provider.APIURL == "" {
		config.Provider = gloebit.ProviderAt(gloebitURL)
	}
	if config.HTTPClient == nil {
		config.HTTPClient = canned{}.client()
	}
	return gloebit.New(config)
}

// endpoint returns the canned Gloebit's configuration for golang.org/x/oauth2.
func endpoint() *oauth2.Config {
	return &oauth2.Config{
		ClientID: clientID, ClientSecret: "secret", RedirectURL: callback,
		Endpoint: oauth2.Endpoint{
			AuthURL: gloebitURL + "oauth2/authorize", TokenURL: gloebitURL + "oauth2/access-token",
			AuthStyle: oauth2.AuthStyleInParams,
		},
	}
}
