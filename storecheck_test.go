package gloebit_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/stretchr/testify/require"
)

// calledTokens counts its calls and keeps one credential for every user.
type calledTokens struct {
	kept  *connect.Credential
	calls int
}

func (s *calledTokens) Load(context.Context, connect.Key) (connect.Credential, error) {
	s.calls++
	if s.kept == nil {
		return connect.Credential{}, gloebit.ErrNotFound
	}
	return *s.kept, nil
}

func (s *calledTokens) Update(
	ctx context.Context, _ connect.Key, fn func(context.Context, *connect.Credential) (*connect.Credential, error),
) error {
	s.calls++
	next, err := fn(ctx, s.kept)
	if err == nil {
		s.kept = next
	}
	return err
}

func (s *calledTokens) Delete(context.Context, connect.Key) error {
	s.calls++
	return nil
}

func TestUserIDsAreCheckedBeforeTheStore(t *testing.T) {
	for name, c := range map[string]struct {
		userID string
		want   error
		calls  int
	}{
		"empty":                      {"", gloebit.ErrInvalidRequest, 0},
		"of 256 bytes":               {strings.Repeat("k", 256), gloebit.ErrInvalidRequest, 0},
		"of 256 bytes in 128 runes":  {strings.Repeat("\u00e9", 128), gloebit.ErrInvalidRequest, 0},
		"of 1 MiB":                   {strings.Repeat("k", 1<<20), gloebit.ErrInvalidRequest, 0},
		"of 255 bytes":               {strings.Repeat("k", 255), gloebit.ErrNotConnected, 1},
		"of 255 bytes in 85 runes":   {strings.Repeat("\u4e16", 85), gloebit.ErrNotConnected, 1},
		"of bytes that aren't UTF-8": {"a\xff", gloebit.ErrInvalidRequest, 0},
		"with a NUL":                 {"a\x00b", gloebit.ErrInvalidRequest, 0},
	} {
		t.Run(name, func(t *testing.T) {
			config, tokens := validConfig(), &calledTokens{}
			config.Tokens = tokens
			merchant, err := gloebit.New(config)
			require.NoError(t, err)
			_, err = merchant.Client(t.Context(), c.userID)
			require.ErrorIs(t, err, c.want)
			require.NotErrorIs(t, err, gloebit.ErrStore)
			require.Equal(t, c.calls, tokens.calls)

			err = keyOf(merchant, c.userID).Check()
			require.Equal(t, c.calls == 0, err != nil)
			if err != nil {
				require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
			}
		})
	}
}

func TestMemoryStoreChecksUserIDs(t *testing.T) {
	for name, userID := range map[string]string{
		"empty": "", "of 256 bytes": strings.Repeat("k", 256), "of bytes that aren't UTF-8": "a\xff", "with a NUL": "a\x00b",
	} {
		t.Run(name, func(t *testing.T) {
			config := validConfig()
			config.Tokens = new(gloebit.MemoryTokenStore)
			merchant, err := gloebit.New(config)
			require.NoError(t, err)
			_, err = merchant.Client(t.Context(), userID)
			require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
		})
	}
}

// granting is a Protocol that returns the credential without a redirect to a
// server.
type granting struct {
	credential connect.Credential
	verifier   gloebit.Secret
}

func (f granting) Begin(
	_ context.Context, app connect.Application, ask connect.AuthorizationRequest,
) (string, gloebit.Secret, error) {
	return app.RedirectURL + "?" + url.Values{"state": {ask.State}}.Encode(), f.verifier, nil
}

func (f granting) Finish(
	context.Context, connect.Application, url.Values, gloebit.Secret, []gloebit.Scope,
) (connect.Credential, error) {
	return f.credential, nil
}

// Refresh implements [connect.Protocol]. There is nothing to refresh.
func (granting) Refresh(_ context.Context, _ connect.Application, _ connect.Credential) (connect.Credential, error) {
	return connect.Credential{}, connect.ErrNotConnected
}

func (granting) Authorize(connect.Application, *http.Request, connect.Credential) error { return nil }

func TestCredentialsAreCheckedBeforeTheyAreSaved(t *testing.T) {
	huge := strings.Repeat("h", 1<<20)
	for name, c := range map[string]struct {
		credential connect.Credential
		refused    bool
	}{
		"an AccessToken of 1 MiB": {connect.Credential{AccessToken: gloebit.Secret(huge)}, true},
		"a RefreshToken of 1 MiB": {connect.Credential{RefreshToken: gloebit.Secret(huge)}, true},
		"a TokenSecret of 1 MiB":  {connect.Credential{TokenSecret: gloebit.Secret(huge)}, true},
		"a Name of 1 MiB":         {connect.Credential{Name: huge}, true},
		"a Subject of 1 MiB":      {connect.Credential{Subject: huge}, true},
		"a scope of 1 MiB":        {connect.Credential{Scopes: []gloebit.Scope{gloebit.Scope(huge)}}, true},
		"scopes of 1 MiB":         {connect.Credential{Scopes: slicesOf("sixteen-bytes-it", 1<<16)}, true},
		"an empty scope":          {connect.Credential{Scopes: []gloebit.Scope{""}}, true},
		"a scope with a space":    {connect.Credential{Scopes: []gloebit.Scope{"a b"}}, true},
		"tokens of 128 KiB": {
			connect.Credential{AccessToken: gloebit.Secret(huge[:64<<10]), RefreshToken: gloebit.Secret(huge[:64<<10])}, false,
		},
		"a scope that is no text":  {connect.Credential{Scopes: []gloebit.Scope{"\xff"}}, true},
		"a scope with a NUL":       {connect.Credential{Scopes: []gloebit.Scope{"a\x00"}}, true},
		"an odd scope":             {connect.Credential{Scopes: []gloebit.Scope{"\u4e16,;'"}}, false},
		"a Name with a NUL":        {connect.Credential{Name: "a\x00"}, true},
		"a Subject that's no text": {connect.Credential{Subject: "\xff"}, true},
		"a token that is no text":  {connect.Credential{AccessToken: "\xff"}, true},
		"a time after 9999":        {connect.Credential{TokenExpiry: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)}, true},
		"a time before year 1":     {connect.Credential{ConnectedAt: time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)}, true},
		"the last time":            {connect.Credential{ExpiresAt: time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.refused, c.credential.Check() != nil)
			if c.refused {
				require.ErrorIs(t, c.credential.Check(), gloebit.ErrInvalidRequest)
			}
		})
	}

	for name, refused := range map[string]bool{"a scope with a space": true, "a scope": false} {
		t.Run("connecting with "+name, func(t *testing.T) {
			scope := gloebit.Scope("odd")
			if refused {
				scope = "a scope"
			}
			tokens, config := &calledTokens{}, validConfig()
			config.Tokens = tokens
			config.Protocol = granting{credential: connect.Credential{
				AccessToken: "t", Scopes: []gloebit.Scope{"id", "transact", scope},
			}}
			connectOnce(t, config)
			require.Equal(t, refused, tokens.kept == nil)
		})
	}
}

// connectOnce connects a user through the handlers.
func connectOnce(t *testing.T, config gloebit.Config) {
	t.Helper()
	config.User = func(*http.Request) (gloebit.User, error) { return gloebit.User{ID: "u"}, nil }
	config.HTTPClient = &http.Client{Transport: transportFunc(func(*http.Request) (*http.Response, error) {
		response := httptest.NewRecorder()
		_, err := response.WriteString(`{"success":true,"id":"g-1","name":"alice"}`)
		return response.Result(), err
	})}
	merchant, err := gloebit.New(config)
	require.NoError(t, err)
	connect := httptest.NewRecorder()
	merchant.Handler().ServeHTTP(connect, httptest.NewRequest(http.MethodGet, "https://shop.example/gloebit/connect", nil))
	if connect.Code != http.StatusSeeOther {
		return
	}
	r := httptest.NewRequest(http.MethodGet, connect.Header().Get("Location"), nil)
	for _, cookie := range connect.Result().Cookies() {
		r.AddCookie(cookie)
	}
	merchant.Handler().ServeHTTP(httptest.NewRecorder(), r)
}

func slicesOf(scope gloebit.Scope, n int) []gloebit.Scope {
	scopes := make([]gloebit.Scope, n)
	for i := range scopes {
		scopes[i] = scope
	}
	return scopes
}

func TestStatesAreCheckedBeforeTheyArePut(t *testing.T) {
	huge := strings.Repeat("h", 1<<20)
	for name, pending := range map[string]connect.PendingConnection{
		"a UserID of 1 MiB":    {UserID: huge},
		"a Verifier of 1 MiB":  {Secret: gloebit.Secret(huge)},
		"a ReturnTo of 1 MiB":  {ReturnTo: huge},
		"a Binding of 1 MiB":   {BrowserHash: huge},
		"Scopes of 1 MiB":      {Scopes: slicesOf("sixteen-bytes-it", 1<<16)},
		"Required of 1 MiB":    {RequiredScopes: slicesOf("sixteen-bytes-it", 1<<16)},
		"a scope with a space": {RequiredScopes: []gloebit.Scope{"a b"}},
		"a UserID with a NUL":  {UserID: "a\x00"},
		"a ReturnTo of bytes":  {ReturnTo: "/\xff"},
		"a time after 9999":    {ExpiresAt: time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		t.Run(name, func(t *testing.T) { require.ErrorIs(t, pending.Check(), gloebit.ErrInvalidRequest) })
	}
	t.Run("a state that is too large is not put", func(t *testing.T) {
		for verifier, puts := range map[gloebit.Secret]int32{gloebit.Secret(huge): 0, "short": 1} {
			states, config := &puttingStates{}, validConfig()
			config.States, config.Protocol = states,
				granting{credential: connect.Credential{AccessToken: "t"}, verifier: verifier}
			connectOnce(t, config)
			require.Equal(t, puts, states.puts.Load())
		}
	})
}

type puttingStates struct {
	gloebit.MemoryStateStore
	puts atomic.Int32
}

func (s *puttingStates) Put(ctx context.Context, key connect.Key, pending connect.PendingConnection) error {
	s.puts.Add(1)
	return s.MemoryStateStore.Put(ctx, key, pending)
}

func TestExpiredCredentialIsAbsentInEveryStore(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	tokens := &calledTokens{kept: &connect.Credential{
		AccessToken: "t", RefreshToken: "r", TokenExpiry: now.Add(-time.Minute), ExpiresAt: now.Add(time.Second),
	}}
	config := validConfig()
	config.Tokens, config.Clock = tokens, func() time.Time { return now }
	merchant, err := gloebit.New(config)
	require.NoError(t, err)
	client, err := merchant.Client(t.Context(), "u")
	require.NoError(t, err)

	now = now.Add(time.Second)
	_, err = merchant.Client(t.Context(), "u")
	require.ErrorIs(t, err, gloebit.ErrNotConnected)
	_, err = client.Balance(t.Context()) // which refreshes the token first, in an Update
	require.ErrorIs(t, err, gloebit.ErrNotConnected)
	require.Nil(t, tokens.kept, "fn was given nil and returned nil")
}
