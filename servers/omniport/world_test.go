package omniport_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/oauthtest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/go-gloebit/gloebit/servers/omniport"
	"github.com/go-gloebit/gloebit/servers/omniport/omniporttest"
	"github.com/stretchr/testify/require"
)

const (
	secret    = "client-secret-of-the-app"
	tokenPath = "/open_auth/token/"
	userPath  = "/open_auth/get_user_data/"
)

// ann is a student.
var ann = omniport.User{
	ID: 7, Person: &omniport.Person{FullName: "Ann Arbor"}, Student: &omniport.Student{BranchName: "Physics"},
}

// world is a test Omniport and an application.
type world struct {
	*omniporttest.Server
	url      string
	callback string
	clock    *testkit.Clock // the server's
	app      *oauthtest.App
}

func newWorld(t *testing.T, changes ...func(*connect.Config)) *world {
	t.Helper()
	w := &world{clock: testkit.NewClock()}
	w.Server = omniporttest.New(w.clock.Now)
	listening := httptest.NewServer(w.Server)
	t.Cleanup(listening.Close)
	w.url = listening.URL
	w.app = oauthtest.NewApp(t, omniport.Server(w.url), secret, changes...)
	w.app.Call = showName
	w.callback = w.app.Callback()
	w.AddApplication(omniporttest.Application{
		ClientID: "app", ClientSecret: secret, RedirectURIs: []string{w.app.Callback(), "https://second.example/"},
	})
	w.AddUser(ann)
	w.Approve("7")
	return w
}

// showName is what the application's page does.
func showName(ctx context.Context, account *connect.Account) (string, error) {
	user, err := omniport.NewClient(account).User(ctx)
	return user.Name(), err
}

// raw is a client that follows no redirect.
func raw(t *testing.T) *http.Client {
	t.Helper()
	client := testkit.NewBrowser(t)
	client.CheckRedirect = testkit.Stay
	return client
}

// send sends a request: a form for a POST, a query for a GET.
func (w *world) send(t *testing.T, method, path string, values url.Values, header ...string) testkit.Page {
	t.Helper()
	target := w.url + path
	if method == http.MethodGet && len(values) > 0 {
		target += "?" + values.Encode()
	}
	req := testkit.NewRequest(t, method, target, values)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return testkit.Load(t, raw(t), req)
}

// form is a form with the application's credentials; pairs of a name and a
// value come on top, and an empty value removes a field.
func form(pairs ...string) url.Values {
	values := url.Values{"client_id": {"app"}, "client_secret": {secret}}
	for i := 0; i < len(pairs); i += 2 {
		if values.Set(pairs[i], pairs[i+1]); pairs[i+1] == "" {
			values.Del(pairs[i])
		}
	}
	return values
}

// code returns a code that the user approved, with or without a page.
func (w *world) code(t *testing.T) string {
	t.Helper()
	browser := raw(t)
	query := url.Values{"client_id": {"app"}, "redirect_uri": {w.callback}}
	answer := testkit.Load(
		t, browser, testkit.NewRequest(t, http.MethodGet, w.url+"/oauth/authorise/?"+query.Encode(), nil),
	)
	if answer.Status == http.StatusOK {
		answer = allow(t, browser, answer, w.url)
	}
	to, err := url.Parse(answer.Header.Get("Location"))
	require.NoError(t, err)
	require.NotEmpty(t, to.Query().Get("code"), answer.Body)
	return to.Query().Get("code")
}

// account is connected.
func (w *world) account(t *testing.T) *connect.Account {
	t.Helper()
	require.Equal(t, http.StatusOK, w.app.Page(t).Status)
	return w.app.Account(t)
}

func count(requests []oauthtest.Request, grant string) int {
	n := 0
	for _, request := range requests {
		if request.Form.Get("grant_type") == grant {
			n++
		}
	}
	return n
}
