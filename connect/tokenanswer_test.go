package connect_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/oauthtest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

// TestConnectionEndsEarly checks that a token is kept if the connection breaks
// after the whole response: the server may have revoked the one before.
func TestConnectionEndsEarly(t *testing.T) {
	const object = `{"access_token":"access-2","refresh_token":"refresh-2","token_type":"bearer"}`
	const form = "access_token=access-2&token_type=bearer&refresh_token=refresh-2"
	header := func(fields string) string { return "HTTP/1.1 200 OK\r\n" + fields + "\r\n\r\n" }
	for name, test := range map[string]struct {
		answer string
		want   string // the refresh token that is kept
	}{
		"after an object": {header("Content-Length: 500") + object, "refresh-2"},
		"after a chunk": {
			header("Transfer-Encoding: chunked") + fmt.Sprintf("%x\r\n%s\r\n", len(object), object), "refresh-2",
		},
		"after an object and a line break": {header("Content-Length: 500") + object + "\r\n", "refresh-2"},
		"within an object":                 {header("Content-Length: 500") + object[:len(object)-1], "refresh-1"},
		"after a form":                     {header("Content-Length: 500") + form, "refresh-1"}, // its end may be lost
		"after the header":                 {header("Content-Length: 500"), "refresh-1"},
	} {
		t.Run(name, func(t *testing.T) {
			at := testkit.RawServer(t, func(r *http.Request, _ string) string {
				if r.URL.Path != "/authorize" {
					return test.answer
				}
				back := url.Values{"code": {"code"}, "state": {r.URL.Query().Get("state")}}
				return "HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: " +
					r.URL.Query().Get("redirect_uri") + "?" + back.Encode() + "\r\n\r\n"
			})
			app := oauthtest.NewApp(t, connect.Server{
				Name: "Example", Endpoint: oauth2.Endpoint{AuthURL: at + "/authorize", TokenURL: at + "/token"},
			}, "secret")
			app.Call = func(_ context.Context, a *connect.Account) (string, error) {
				return a.Credential().RefreshToken.Reveal(), nil
			}
			if page := app.Page(t); test.want == "refresh-2" {
				require.Equal(t, "refresh-2", page.Body)
			} else {
				require.Equal(t, http.StatusBadGateway, page.Status)
			}
			app.Save(t, connect.Credential{
				AccessToken: "access-1", RefreshToken: "refresh-1", TokenExpiry: app.Clock.Now(),
			})
			_, err := app.Account(t).Fresh(t.Context(), time.Now().Add(time.Minute))
			require.Equal(t, test.want == "refresh-2", err == nil, err)
			require.Equal(t, test.want, app.Account(t).Credential().RefreshToken.Reveal())
		})
	}
}
