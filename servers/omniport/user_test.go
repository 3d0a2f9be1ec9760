package omniport_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/oauthtest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/go-gloebit/gloebit/servers/omniport"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestUserData checks every row of the user data endpoint.
func TestUserData(t *testing.T) {
	testUserData(t, func(t *testing.T) *world { return newWorld(t) })
}

func testUserData(t *testing.T, newWorld func(*testing.T) *world) {
	const expired = `Bearer realm="api",error="invalid_token",error_description="The access token has expired."`
	const invalid = `Bearer realm="api",error="invalid_token",error_description="The access token is invalid."`
	w := newWorld(t)
	pair := w.tokens(t)
	detail := `{"detail":"Authentication credentials were not provided."}`
	for name, test := range map[string]struct {
		page      func() testkit.Page
		status    int
		body      string
		challenge string
	}{
		"good": {func() testkit.Page { return w.data(t, pair.Access) }, 200,
			`"person":{"fullName":"Ann Arbor"},"student":{"branch name":"Physics"}}`, ""},
		"lower case bearer": {func() testkit.Page {
			return w.send(t, "GET", userPath, nil, "Accept", "application/json", "Authorization", "bearer "+pair.Access)
		},
			500, "<h1>Server Error (500)</h1>", ""},
		"token in the query": {func() testkit.Page { return w.send(t, "GET", userPath+"?access_token="+pair.Access, nil) },
			500, "<h1>Server Error (500)</h1>", ""},
		"no header": {
			func() testkit.Page { return w.send(t, "GET", userPath, nil, "Accept", "application/json") }, 401, detail,
			`Bearer realm="api"`,
		},
		"unknown token": {func() testkit.Page { return w.data(t, "unknown") }, 401, detail, invalid},
		"POST": {func() testkit.Page {
			return w.send(t, "POST", userPath, nil, "Accept", "application/json", "Authorization", "Bearer "+pair.Access)
		},
			405, `{"detail":"Method \"POST\" not allowed."}`, ""},
		"expired": {func() testkit.Page {
			w.clock.Advance(10*time.Hour + time.Second)
			defer w.clock.Advance(-10*time.Hour - time.Second)
			return w.data(t, pair.Access)
		}, 401, detail, expired},
	} {
		if w.Server == nil && name == "expired" {
			continue // it needs the test server's clock
		}
		t.Run(name, func(t *testing.T) {
			page := test.page()
			require.Equal(t, test.status, page.Status)
			require.Contains(t, page.Body, test.body)
			require.Equal(t, test.challenge, page.Header.Get("WWW-Authenticate"))
		})
	}
	if w.Server == nil {
		return
	}
	t.Run("application deleted", func(t *testing.T) {
		w.RemoveApplication("app")
		page := w.data(t, pair.Access)
		require.Equal(t, 404, page.Status)
		require.Equal(t, `"No such application"`, page.Body)
	})
}

// TestUser checks the Go types of the user data.
func TestUser(t *testing.T) {
	for name, test := range map[string]struct {
		body string
		want omniport.User
	}{
		"alone":                 {`{"userId":7}`, omniport.User{ID: 7}},
		"large number":          {`{"userId":9007199254740993}`, omniport.User{ID: 9007199254740993}},
		"username of documents": {`{"userId":7,"username":"ann"}`, omniport.User{ID: 7, Username: "ann"}},
		"empty objects": {`{"userId":7,"student":{},"facultyMember":{},"biologicalInformation":{},` +
			`"contactInformation":{},"residentialInformation":{},"socialInformation":{}}`,
			omniport.User{ID: 7, Student: &omniport.Student{}, FacultyMember: &omniport.FacultyMember{},
				BiologicalInformation: &omniport.BiologicalInformation{}, ContactInformation: &omniport.ContactInformation{},
				ResidentialInformation: &omniport.ResidentialInformation{}, SocialInformation: map[string]string{}}},
		"person": {`{"userId":7,"person":{"shortName":"A","fullName":"Ann","displayPicture":null,
			"roles":[{"role":"Student","activeStatus":"ActiveStatus.IS_ACTIVE"}],
			"customRoles":[{"role":"img.Maintainer","activeStatus":"ActiveStatus.HAS_BEEN_ACTIVE"}]}}`,
			omniport.User{ID: 7, Person: &omniport.Person{ShortName: "A", FullName: "Ann",
				Roles:       []omniport.Role{{Role: "Student", ActiveStatus: "ActiveStatus.IS_ACTIVE"}},
				CustomRoles: []omniport.Role{{Role: "img.Maintainer", ActiveStatus: "ActiveStatus.HAS_BEEN_ACTIVE"}}}}},
		"picture": {`{"userId":7,"person":{"displayPicture":"/media/7.png"}}`, omniport.User{
			ID: 7, Person: &omniport.Person{DisplayPicture: "/media/7.png"},
		}},
		"student": {`{"userId":7,"student":{"startDate":"2024-07-01","endDate":null,"enrolmentNumber":"24112001",
			"branch name":"Physics","branch degree name":"B.Sc.","branch department name":"Department of Physics",
			"currentYear":2,"currentSemester":3}}`,
			omniport.User{ID: 7, Student: &omniport.Student{StartDate: "2024-07-01", EnrolmentNumber: "24112001",
				BranchName:       "Physics",
				BranchDegreeName: "B.Sc.", BranchDepartmentName: "Department of Physics", CurrentYear: 2, CurrentSemester: 3}}},
		"faculty member": {`{"userId":7,"facultyMember":{"startDate":"2020-01-01","endDate":"2030-01-01",` +
			`"designation":"Professor","department name":"Physics","employeeId":"42"}}`,
			omniport.User{ID: 7, FacultyMember: &omniport.FacultyMember{StartDate: "2020-01-01", EndDate: "2030-01-01",
				Designation:    "Professor",
				DepartmentName: "Physics", EmployeeID: "42"}}},
		"biological": {`{"userId":7,"biologicalInformation":{"dateOfBirth":"2005-05-05",` +
			`"bloodGroup":"O+","sex":"F","gender":"woman"}}`,
			omniport.User{ID: 7, BiologicalInformation: &omniport.BiologicalInformation{
				DateOfBirth: "2005-05-05", BloodGroup: "O+", Sex: "F", Gender: "woman",
			}}},
		"contact": {`{"userId":7,"contactInformation":{"emailAddress":"a@x.example","emailAddressVerified":true,` +
			`"instituteWebmailAddress":"a@y.example","primaryPhoneNumber":"1","secondaryPhoneNumber":"2"}}`,
			omniport.User{ID: 7, ContactInformation: &omniport.ContactInformation{EmailAddress: "a@x.example",
				EmailAddressVerified:    true,
				InstituteWebmailAddress: "a@y.example", PrimaryPhoneNumber: "1", SecondaryPhoneNumber: "2"}}},
		"residential": {`{"userId":7,"residentialInformation":{"residence name":"Rajendra Bhawan","roomNumber":"B-12"}}`,
			omniport.User{ID: 7, ResidentialInformation: &omniport.ResidentialInformation{
				ResidenceName: "Rajendra Bhawan", RoomNumber: "B-12",
			}}},
		"social": {`{"userId":7,"socialInformation":{"GitHub":"https://github.com/ann"}}`,
			omniport.User{ID: 7, SocialInformation: map[string]string{"GitHub": "https://github.com/ann"}}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			account := w.account(t)
			w.Inject(userPath, 1, oauthtest.JSON(200, test.body))
			user, err := omniport.NewClient(account).User(t.Context())
			require.NoError(t, err)
			require.Equal(t, test.want, user)
		})
	}
	t.Run("sent as it comes", func(t *testing.T) {
		w := newWorld(t)
		account := w.account(t)
		user, err := omniport.NewClient(account).User(t.Context())
		require.NoError(t, err)
		require.Equal(t, ann, user)
		requests := w.Requests(userPath)
		last := requests[len(requests)-1]
		require.Equal(t, "GET", last.Method)
		require.Empty(t, last.Query)
		require.Equal(t, "Bearer "+account.Credential().AccessToken.Reveal(), last.Header.Get("Authorization"))
	})
}

// TestBadAnswers checks that each unusable response is an APIError with the
// status and the server's text.
func TestBadAnswers(t *testing.T) {
	const api = `Bearer realm="api"`
	for name, test := range map[string]struct {
		fault oauthtest.Fault
		want  omniport.APIError
		is    []error
	}{
		"page": {
			oauthtest.Page(200, "Welcome"), omniport.APIError{Status: 200, Text: "the body is not JSON"},
			[]error{connect.ErrInvalidResponse},
		},
		"empty": {
			oauthtest.Empty(200), omniport.APIError{Status: 200, Text: "the body is empty"},
			[]error{connect.ErrInvalidResponse},
		},
		"list": {
			oauthtest.JSON(200, `[{"userId":7}]`), omniport.APIError{Status: 200, Text: "the body is not a JSON object"},
			[]error{connect.ErrInvalidResponse},
		},
		"no userId": {
			oauthtest.JSON(200, `{"person":{}}`), omniport.APIError{Status: 200, Text: "the user has no userId"},
			[]error{connect.ErrInvalidResponse},
		},
		"text as id": {
			oauthtest.JSON(200, `{"userId":"7"}`),
			omniport.APIError{Status: 200, Text: "the member userId is of the type string"},
			[]error{connect.ErrInvalidResponse},
		},
		"cut off": {
			oauthtest.CutOff(5), omniport.APIError{Status: 200, Text: "the body ends too early: unexpected EOF"},
			[]error{connect.ErrInvalidResponse},
		},
		"500": {
			oauthtest.Page(500, "Server Error (500)"), omniport.APIError{Status: 500, Text: "Server Error (500)"},
			[]error{connect.ErrUnavailable},
		},
		"429": {
			oauthtest.JSON(429, `{"detail":"Request was throttled."}`),
			omniport.APIError{Status: 429, Text: "Request was throttled."}, []error{connect.ErrUnavailable},
		},
		"301": {oauthtest.Moved("/elsewhere"), omniport.APIError{Status: 301}, []error{connect.ErrInvalidResponse}},
		"404": {
			oauthtest.JSON(404, `"No such application"`), omniport.APIError{Status: 404, Text: "No such application"},
			[]error{connect.ErrInvalidResponse},
		},
		"401 plain": {
			oauthtest.Unauthorized(api, `{"detail":"no"}`), omniport.APIError{Status: 401, Text: "no"},
			[]error{connect.ErrInvalidResponse},
		},
		"401 no more": {oauthtest.Unauthorized("", ``), omniport.APIError{Status: 401}, []error{connect.ErrInvalidResponse}},
		"401 invalid": {oauthtest.Unauthorized(
			api+`,error="invalid_token",error_description="The access token is invalid."`, `{"detail":"no"}`,
		),
			omniport.APIError{
				Status: 401, Code: "invalid_token", Text: "The access token is invalid.",
			}, []error{connect.ErrNotConnected, connect.ErrTokenRefused}},
		"401 expired": {oauthtest.Unauthorized(
			api+`, error="invalid_token", error_description="The access token has expired."`, `{"detail":"no"}`,
		),
			omniport.APIError{
				Status: 401, Code: "invalid_token", Text: "The access token has expired.",
			}, []error{connect.ErrNotConnected, connect.ErrTokenExpired}},
		"403 that repeats the token": {func(http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				oauthtest.Write(w, 403, "no entry with "+r.Header.Get("Authorization"))
			})
		}, omniport.APIError{Status: 403, Text: "no entry with Bearer [redacted]"}, []error{connect.ErrInvalidResponse}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.app.Save(t, connect.Credential{AccessToken: connect.Secret(w.tokens(t).Access)}) // it can't be refreshed
			w.Inject(userPath, 1, test.fault)
			_, err := omniport.NewClient(w.app.Account(t)).User(t.Context())
			var failed *omniport.APIError
			require.ErrorAs(t, err, &failed)
			require.Equal(t, test.want, *failed)
			for _, is := range test.is {
				require.ErrorIs(t, err, is)
			}
		})
	}
	t.Run("no answer", func(t *testing.T) {
		w := newWorld(t)
		account := w.account(t)
		w.Inject(userPath, 10, oauthtest.Drop()) // net/http retries a GET
		_, err := omniport.NewClient(account).User(t.Context())
		require.ErrorIs(t, err, connect.ErrUnavailable)
		require.NotContains(t, err.Error(), w.url)
	})
	t.Run("base that is no URL", func(t *testing.T) {
		_, err := (&omniport.Client{Base: "http://\x00", HTTPClient: http.DefaultClient}).User(t.Context())
		require.ErrorIs(t, err, connect.ErrInvalidRequest)
	})
}

// TestBadTokenAnswers checks that a token endpoint that gives no token causes
// an error with its status and text. A user is disconnected only if the server
// refuses the grant.
func TestBadTokenAnswers(t *testing.T) {
	for name, test := range map[string]struct {
		fault  oauthtest.Fault
		status int    // of the TokenError; 0 is none
		code   string // of the TokenError
		stays  bool   // connected, when a refresh is answered so
	}{
		"page":    {oauthtest.Page(200, "Welcome"), 0, "", true},
		"empty":   {oauthtest.Empty(200), 0, "", true},
		"list":    {oauthtest.JSON(200, `[]`), 0, "", true},
		"cut off": {oauthtest.CutOff(20), 0, "", true},
		"moved":   {oauthtest.Moved("/open_auth/token/"), 301, "", true},
		"500":     {oauthtest.Page(500, "Server Error (500)"), 500, "", true},
		"invalid_client": {
			oauthtest.Unauthorized(`Bearer error="invalid_client"`, `{"error":"invalid_client"}`), 401, "invalid_client", true,
		},
		"invalid_grant": {oauthtest.JSON(400, `{"error":"invalid_grant"}`), 400, "invalid_grant", false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Inject(tokenPath, 1, test.fault)
			w.app.Page(t)
			require.ErrorIs(t, w.app.Failed(), connect.ErrTokenExchange)
			var refused *connect.TokenError
			require.Equal(t, test.status != 0, errors.As(w.app.Failed(), &refused), "%v", w.app.Failed())
			if refused != nil {
				require.Equal(t, connect.TokenError{Status: test.status, Code: test.code}, *refused)
			}
			require.Zero(t, w.app.Tokens.Len())

			w.account(t)
			w.clock.Advance(11 * time.Hour)
			w.Inject(tokenPath, 1, test.fault)
			_, err := omniport.NewClient(w.app.Account(t)).User(context.Background())
			require.ErrorIs(t, err, connect.ErrTokenExpired, "the first 401 is the caller's")
			require.Equal(t, test.stays, w.app.Tokens.Len() == 1)
		})
	}
}

// TestMiddleware follows a user through an application.
func TestMiddleware(t *testing.T) {
	t.Run("connect and call", func(t *testing.T) {
		w := newWorld(t)
		page := w.app.Page(t)
		require.Equal(t, 200, page.Status)
		require.Equal(t, "Ann Arbor", page.Body)
		account := w.app.Account(t)
		require.Equal(t, []connect.Scope{omniport.ScopeRead, omniport.ScopeWrite}, account.Scopes())
		require.Equal(t, "Ann Arbor", account.Credential().Name)
		require.Equal(t, w.app.Clock.Now().Add(10*time.Hour), account.Credential().TokenExpiry)
		exchange := w.Requests(tokenPath)[0].Form
		require.Equal(
			t, form("grant_type", "authorization_code", "code", exchange.Get("code"), "redirect_uri", w.app.Callback()),
			exchange,
		)
	})
	t.Run("expired among 100 requests", func(t *testing.T) {
		w := newWorld(t)
		account := w.account(t)
		expireAt(w, 50)
		testkit.Together(t, 100, func() {
			user, err := omniport.NewClient(account).User(t.Context())
			assert.NoError(t, err)
			assert.Equal(t, ann, user)
		})
		require.Equal(t, 1, count(w.Requests(tokenPath), "refresh_token"))
	})
	t.Run("revoked by the user", func(t *testing.T) {
		w := newWorld(t)
		w.account(t)
		w.Withdraw("7")
		require.Equal(t, 200, w.app.Page(t).Status, "it connects again")
		require.Equal(t, 2, count(w.Requests(tokenPath), "authorization_code"))
		w.Withdraw("7")
		_, err := omniport.NewClient(w.app.Account(t)).User(t.Context())
		require.ErrorIs(t, err, connect.ErrNotConnected)
		require.Zero(t, w.app.Tokens.Len(), "the refresh was refused")
	})
	t.Run("disconnect", func(t *testing.T) {
		w := newWorld(t)
		token := w.account(t).Credential().AccessToken.Reveal()
		require.Equal(t, 200, w.app.Disconnect(t).Status)
		require.Zero(t, w.app.Tokens.Len())
		require.Equal(t, 401, w.data(t, token).Status)
	})
	t.Run("denied", func(t *testing.T) {
		w := newWorld(t)
		w.Decline("7")
		page := w.app.Page(t)
		require.Equal(t, w.url+"/", page.URL.String(), "the callback is never called")
		require.Zero(t, w.app.Tokens.Len())
		w.Approve("7")
		require.Equal(t, "Ann Arbor", w.app.Page(t).Body, "the user may start anew")
	})
	t.Run("approved too late", func(t *testing.T) {
		w := newWorld(t)
		connectURL := testkit.NewRequest(t, http.MethodGet, w.app.URL+"/oauth/connect", nil)
		browser := *w.app.Browser
		browser.CheckRedirect = testkit.Stay
		location := testkit.Load(t, &browser, connectURL).Header.Get("Location")
		w.app.Clock.Advance(10 * time.Minute)
		require.Equal(t, 400, testkit.Load(t, w.app.Browser, testkit.NewRequest(t, http.MethodGet, location, nil)).Status)
		require.ErrorIs(t, w.app.Failed(), connect.ErrInvalidState)
		require.Empty(t, w.Requests(tokenPath))
	})
	t.Run("state absent", func(t *testing.T) {
		w := newWorld(t)
		w.app.Browser.CheckRedirect = testkit.Stay
		w.app.Page(t) // starts
		testkit.Load(t, w.app.Browser, testkit.NewRequest(t, http.MethodGet, w.app.URL+"/oauth/connect", nil))
		w.app.Browser.CheckRedirect = nil
		to := w.url + "/oauth/authorise?client_id=app" // comes back with the word state
		page := testkit.Load(t, w.app.Browser, testkit.NewRequest(t, http.MethodGet, to, nil))
		require.Equal(t, 400, page.Status)
		require.Equal(t, "state", page.URL.Query().Get("state"))
		require.ErrorIs(t, w.app.Failed(), connect.ErrInvalidState)
		require.Empty(t, w.Requests(tokenPath))
	})
	t.Run("sign in", func(t *testing.T) {
		w := newWorld(t, func(c *connect.Config) { c.User, c.SignIn = nil, true })
		require.Equal(t, "Ann Arbor", w.app.Page(t).Body)
		account, err := w.app.Connector.Account(t.Context(), "7")
		require.NoError(t, err)
		require.Equal(t, "Ann Arbor", account.Credential().Name)
	})
	t.Run("no secret in the log", func(t *testing.T) {
		w := newWorld(t)
		credential := w.account(t).Credential()
		w.Inject(userPath, 1, oauthtest.Page(500, "Server Error (500)"))
		require.Equal(t, 503, w.app.Page(t).Status)
		for _, hidden := range []string{secret, credential.AccessToken.Reveal(), credential.RefreshToken.Reveal()} {
			require.NotContains(t, w.app.Log.String(), hidden)
		}
		require.Contains(t, w.app.Log.String(), "omniport: status 500: Server Error (500)")
	})
}

// expireAt expires the server's tokens at the nth request for user data from
// now on.
func expireAt(w *world, n int) {
	came := make(chan struct{}, n)
	w.Inject(userPath, n, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if came <- struct{}{}; len(came) == n {
				w.clock.Advance(11 * time.Hour)
			}
			next.ServeHTTP(rw, r)
		})
	})
}

// TestPages checks what Omniport's users see.
func TestPages(t *testing.T) {
	w := newWorld(t)
	w.Ask("")
	require.Contains(t, w.send(t, "GET", "/oauth/authorise?client_id=app", nil).Body, "Sign in")
	require.Contains(t, w.send(t, "GET", "/", nil).Body, "Omniport")
}
