package blotre_test

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/oauthtest"
	"github.com/go-gloebit/gloebit/servers/blotre"
	"github.com/go-gloebit/gloebit/servers/blotre/blotretest"
	"github.com/stretchr/testify/require"
)

const (
	registerPath = "/v0/oauth2/disposable"
	tokenPath    = "/v0/oauth2/access_token"
)

// toaster is a disposable application, with its user at Blot're.
type toaster struct {
	blotre *blotretest.Server
	ann    blotretest.User
	store  *connect.MemoryTokenStore
	app    blotre.Disposable

	mu    sync.Mutex
	shown []connect.DeviceCode
}

func newToaster() *toaster {
	p := &toaster{blotre: blotretest.New(nil), store: new(connect.MemoryTokenStore)}
	p.ann = p.blotre.AddUser("Ann")
	p.app = blotre.Disposable{
		Name: "FaceToast", Blurb: "Your face on toast!", Store: p.store,
		HTTPClient: &http.Client{Transport: p.blotre.Transport()},
		Show: func(_ context.Context, code connect.DeviceCode) error {
			p.mu.Lock()
			defer p.mu.Unlock()
			p.shown = append(p.shown, code)
			return nil
		},
	}
	return p
}

// codes returns what was shown so far.
func (p *toaster) codes() []connect.DeviceCode {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.shown)
}

// last returns the code that was shown last.
func (p *toaster) last() string {
	codes := p.codes()
	return codes[len(codes)-1].UserCode
}

// after enters the last shown code as Ann after a time.
func (p *toaster) after(wait time.Duration) {
	go func() {
		time.Sleep(wait)
		p.blotre.Redeem(p.ann, p.last())
	}()
}

func (p *toaster) count(path string) int { return len(p.blotre.Requests(path)) }

// works checks that the account can post.
func (p *toaster) works(t *testing.T, account *connect.Account, err error) {
	t.Helper()
	require.NoError(t, err)
	_, err = blotre.NewClient(account).SetStatus(t.Context(), p.ann.RootStream, "#112233")
	require.NoError(t, err)
}

// bubble runs a test with the clock of testing/synctest.
func bubble(t *testing.T, name string, run func(*testing.T, *toaster)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) { run(t, newToaster()) })
	})
}

func TestDisposable(t *testing.T) {
	bubble(t, "polls until entered", func(t *testing.T, p *toaster) {
		start := time.Now()
		p.after(12 * time.Second)
		account, err := p.app.Open(t.Context())
		p.works(t, account, err)
		require.Equal(t, 15*time.Second, time.Since(start))
		require.Len(t, p.codes(), 1)
		require.Equal(t, "https://blot.re/v0/oauth2/redeem", p.codes()[0].URL)
		require.Equal(t, start.Add(1200*time.Second), p.codes()[0].Expiry)
		require.Regexp(t, `^[A-Za-z0-9]{8}$`, p.codes()[0].UserCode)

		register := p.blotre.Requests(registerPath)
		require.Len(t, register, 1)
		require.Equal(t, http.MethodPut, register[0].Method)
		require.JSONEq(t, `{"name":"FaceToast","blurb":"Your face on toast!"}`, string(register[0].Body))
		require.Equal(t, "application/json", register[0].Header.Get("Content-Type"))
		token := p.blotre.Requests(tokenPath)
		require.Len(t, token, 3)
		require.Equal(t, url.Values{
			"grant_type": {"https://oauth2grant.blot.re/onetime_code"}, "code": {p.codes()[0].UserCode},
			"client_id": token[0].Form["client_id"], "client_secret": token[0].Form["client_secret"],
		}, token[0].Form)
	})
	bubble(t, "waits for Enter", func(t *testing.T, p *toaster) {
		presses := 0
		p.app.Wait = func(context.Context) error {
			if presses++; presses == 2 {
				p.blotre.Redeem(p.ann, p.codes()[0].UserCode)
			}
			return nil
		}
		account, err := p.app.Open(t.Context())
		p.works(t, account, err)
		require.Equal(t, 2, presses)
		require.Len(t, p.codes(), 2, "the code is shown again")
		require.Equal(t, 2, p.count(tokenPath))
	})
	bubble(t, "found again", func(t *testing.T, p *toaster) {
		p.after(time.Second)
		account, err := p.app.Open(t.Context())
		p.works(t, account, err)
		account, err = p.app.Open(t.Context())
		p.works(t, account, err)
		require.Equal(t, 1, p.count(registerPath))
		require.Equal(t, 1, p.count(tokenPath), "a good token is not refreshed")
		require.Len(t, p.codes(), 1)
	})
	bubble(t, "expired token is refreshed", func(t *testing.T, p *toaster) {
		p.after(time.Second)
		account, err := p.app.Open(t.Context())
		p.works(t, account, err)
		time.Sleep(10 * 24 * time.Hour)
		account, err = p.app.Open(t.Context())
		p.works(t, account, err)
		require.Equal(t, 1, p.count(registerPath))
	})
	bubble(t, "replaced token is refreshed", func(t *testing.T, p *toaster) {
		p.after(time.Second)
		account, err := p.app.Open(t.Context())
		p.works(t, account, err)
		p.blotre.Inject(
			"/v0/oauth2/token_info", 1, oauthtest.JSON(404, `{"type":"Error","error":"No such token","details":null}`),
		)
		account, err = p.app.Open(t.Context())
		p.works(t, account, err)
		require.Equal(t, 2, p.count(tokenPath))
		require.Equal(t, 1, p.count(registerPath))
	})
	for name, end := range map[string]func(p *toaster){
		"refused":       func(p *toaster) { p.blotre.Revoke(p.ann) },
		"after 14 days": func(*toaster) { time.Sleep(14*24*time.Hour + time.Second) },
	} {
		bubble(t, name+" makes a new one", func(t *testing.T, p *toaster) {
			p.after(time.Second)
			account, err := p.app.Open(t.Context())
			p.works(t, account, err)
			end(p)
			p.after(time.Second)
			account, err = p.app.Open(t.Context())
			p.works(t, account, err)
			require.Equal(t, 2, p.count(registerPath))
			require.Len(t, p.codes(), 2)
			require.NotEqual(t, p.codes()[0].UserCode, p.codes()[1].UserCode)
			require.Equal(t, 2, p.store.Len(), "the old application and its credential are gone")
		})
	}
	bubble(t, "refused in a call makes a new one", func(t *testing.T, p *toaster) {
		p.after(time.Second)
		account, err := p.app.Open(t.Context())
		p.works(t, account, err)
		p.blotre.Revoke(p.ann)
		_, err = account.Renew(t.Context(), time.Now().Add(time.Minute), account.Credential())
		require.ErrorIs(t, err, connect.ErrNotConnected)
		p.after(time.Second)
		account, err = p.app.Open(t.Context())
		p.works(t, account, err)
		require.NotEqual(t, p.codes()[0].UserCode, p.codes()[1].UserCode, "the used code is not shown again")
	})
	bubble(t, "not entered in time", func(t *testing.T, p *toaster) {
		start := time.Now()
		_, err := p.app.Open(t.Context())
		require.ErrorIs(t, err, connect.ErrCodeExpired)
		require.Equal(t, 1200*time.Second, time.Since(start))
		require.Zero(t, p.store.Len())
		p.after(time.Second)
		account, err := p.app.Open(t.Context())
		p.works(t, account, err)
		require.Equal(t, 2, p.count(registerPath))
	})
	bubble(t, "killed before entering", func(t *testing.T, p *toaster) {
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		_, err := p.app.Open(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		p.after(7 * time.Second)
		account, err := p.app.Open(t.Context())
		p.works(t, account, err)
		require.Equal(t, 1, p.count(registerPath))
		require.Equal(t, p.codes()[0].UserCode, p.codes()[1].UserCode)
	})
	bubble(t, "killed between entering and exchange", func(t *testing.T, p *toaster) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := p.app.Open(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.True(t, p.blotre.Redeem(p.ann, p.codes()[0].UserCode))
		account, err := p.app.Open(t.Context())
		p.works(t, account, err)
		require.Equal(t, 1, p.count(registerPath))
		require.Len(t, p.codes(), 1, "no user is asked")
	})
	bubble(t, "found code that is late makes a new one", func(t *testing.T, p *toaster) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := p.app.Open(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		time.Sleep(time.Hour)
		p.after(time.Second)
		account, err := p.app.Open(t.Context())
		p.works(t, account, err)
		require.Equal(t, 2, p.count(registerPath))
	})
	bubble(t, "two at once", func(t *testing.T, p *toaster) {
		p.after(12 * time.Second)
		done := make(chan error, 2)
		other := p.app
		other.Show = func(context.Context, connect.DeviceCode) error { return nil }
		for _, app := range []blotre.Disposable{p.app, other} {
			go func() { _, err := app.Open(t.Context()); done <- err }()
		}
		require.NoError(t, errors.Join(<-done, <-done))
		require.Equal(t, 1, p.count(registerPath))
		account, err := p.app.Open(t.Context())
		p.works(t, account, err)
		require.Equal(t, 1, p.count(registerPath))
	})
	bubble(t, "lost exchange waits for the code's end", func(t *testing.T, p *toaster) {
		p.blotre.Inject(tokenPath, 1, oauthtest.JSON(400, `{"error":"invalid_grant","error_description":""}`))
		p.blotre.Inject(tokenPath, 1, oauthtest.Drop())
		p.after(7 * time.Second)
		_, err := p.app.Open(t.Context())
		require.ErrorIs(t, err, connect.ErrCodeExpired)
	})
	bubble(t, "unavailable while polling", func(t *testing.T, p *toaster) {
		p.blotre.Inject(tokenPath, 3, oauthtest.Page(503, "busy"))
		p.after(time.Second)
		account, err := p.app.Open(t.Context())
		p.works(t, account, err)
		require.Equal(t, 4, p.count(tokenPath))
	})
	bubble(t, "wrong secret makes a new one", func(t *testing.T, p *toaster) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := p.app.Open(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		p.blotre.Inject(tokenPath, 1, oauthtest.JSON(400, `{"error":"invalid_client","error_description":""}`))
		p.after(time.Second)
		account, err := p.app.Open(t.Context())
		p.works(t, account, err)
		require.Equal(t, 2, p.count(registerPath))
	})
	bubble(t, "denied can be allowed later", func(t *testing.T, p *toaster) {
		go func() {
			time.Sleep(6 * time.Second)
			p.blotre.SignIn(p.ann)
			deny := url.Values{
				"response_type": {"disposable"}, "client_id": p.blotre.Requests(tokenPath)[0].Form["client_id"],
				"extra_data": {p.codes()[0].UserCode}, "action": {"deny"},
			}
			resp, err := (&http.Client{Transport: p.blotre.Transport()}).PostForm("https://blot.re/v0/oauth2/authorize", deny)
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Error(resp, err)
			}
			deny.Set("action", "allow")
			time.Sleep(20 * time.Second)
			resp, err = (&http.Client{Transport: p.blotre.Transport()}).PostForm("https://blot.re/v0/oauth2/authorize", deny)
			if err != nil || resp.StatusCode != http.StatusOK || resp.Request.URL.Path != "/v0/oauth2/redeemSuccessful" {
				t.Error(resp, err)
			}
		}()
		account, err := p.app.Open(t.Context())
		p.works(t, account, err)
	})
	bubble(t, "a second user can't enter it", func(t *testing.T, p *toaster) {
		bob := p.blotre.AddUser("Bob")
		p.after(time.Second)
		go func() {
			time.Sleep(2 * time.Second)
			if p.blotre.Redeem(bob, p.codes()[0].UserCode) {
				t.Error("Bob entered Ann's code")
			}
		}()
		account, err := p.app.Open(t.Context())
		p.works(t, account, err)
	})
	for name, fault := range map[string]oauthtest.Fault{
		"refused": oauthtest.JSON(400, `{"type":"Error","error":"Bad name","details":{"obj.name":[]}}`),
		"page":    oauthtest.Page(200, "Hello"), "no code": oauthtest.JSON(200, `{"id":"a","secret":"b","expires_in":1200}`),
		"code that controls a terminal": oauthtest.JSON(200, `{"id":"a","secret":"b","code":"c\u001b[2J","expires_in":1200}`),
		"no time":                       oauthtest.JSON(200, `{"id":"a","secret":"b","code":"c"}`),
		"500":                           oauthtest.Page(500, "Oops"),
	} {
		bubble(t, "register: "+name, func(t *testing.T, p *toaster) {
			p.blotre.Inject(registerPath, 1, fault)
			_, err := p.app.Open(t.Context())
			require.ErrorContains(t, err, "blotre: ")
			require.NotContains(t, err.Error(), "secret\"")
			require.Zero(t, p.store.Len())
			require.Empty(t, p.codes())
		})
	}
	bubble(t, "not checked while unavailable", func(t *testing.T, p *toaster) {
		p.after(time.Second)
		account, err := p.app.Open(t.Context())
		p.works(t, account, err)
		p.blotre.Inject("/v0/oauth2/token_info", 1, oauthtest.Page(503, "busy"))
		_, err = p.app.Open(t.Context())
		require.ErrorIs(t, err, connect.ErrUnavailable)
		require.Equal(t, 2, p.store.Len())
	})
	bubble(t, "Show and Wait fail", func(t *testing.T, p *toaster) {
		failure := errors.New("no terminal")
		p.app.Wait = func(context.Context) error { return failure }
		_, err := p.app.Open(t.Context())
		require.ErrorIs(t, err, failure)
		p.app.Show = func(context.Context, connect.DeviceCode) error { return failure }
		_, err = p.app.Open(t.Context())
		require.ErrorIs(t, err, failure)
		require.Equal(t, 1, p.count(registerPath))
	})
	t.Run("mistakes", func(t *testing.T) {
		_, err := blotre.Disposable{Name: "a"}.Open(t.Context())
		require.ErrorIs(t, err, connect.ErrInvalidRequest)
		_, err = blotre.Disposable{
			Name: "a", Store: new(connect.MemoryTokenStore), Address: "http://blot.re",
		}.Open(t.Context())
		require.ErrorContains(t, err, "plain http")
		_, err = blotre.Disposable{Name: "a\x00b", Store: new(connect.MemoryTokenStore)}.Open(t.Context())
		require.ErrorIs(t, err, connect.ErrInvalidRequest)
		_, err = blotre.Disposable{Name: "a", Store: broken{}}.Open(t.Context())
		require.ErrorIs(t, err, connect.ErrStore)
	})
}

// broken is a store that is down.
type broken struct{ connect.TokenStore }

func (broken) Update(
	context.Context, connect.Key, func(context.Context, *connect.Credential) (*connect.Credential, error),
) error {
	return errors.New("down")
}
