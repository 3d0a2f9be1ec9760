package gloebit_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/stretchr/testify/require"
)

func TestCall(t *testing.T) {
	type answer struct {
		Count int `json:"count"`
	}
	t.Run("sends and reads", func(t *testing.T) {
		for name, test := range map[string]struct {
			method, path string
			body         any
			want         string
		}{
			"a path":             {"GET", "gifts", nil, "GET /api/gifts  "},
			"a slash at its end": {"GET", "gifts/", nil, "GET /api/gifts/  "},
			"a query":            {"GET", "gifts?of=a%20b&of=../c", nil, "GET /api/gifts?of=a%20b&of=../c  "},
			"an escape":          {"GET", "gifts/a%20b%3F", nil, "GET /api/gifts/a%20b%3F  "},
			"a map": {
				"POST", "gifts/1", map[string]int{"b": 2, "a": 1}, `POST /api/gifts/1 application/json {"a":1,"b":2}`,
			},
			"a struct": {"PUT", "gifts/1", answer{7}, `PUT /api/gifts/1 application/json {"count":7}`},
			"no body":  {"DELETE", "gifts/1", nil, "DELETE /api/gifts/1  "},
			"a patch":  {"PATCH", "gifts/1", []int{1}, "PATCH /api/gifts/1 application/json [1]"},
		} {
			t.Run(name, func(t *testing.T) {
				var got, token string
				client, _, _ := clientOf(t, func(w http.ResponseWriter, r *http.Request) {
					body, _ := io.ReadAll(r.Body)
					got = strings.Join([]string{r.Method, r.RequestURI, r.Header.Get("Content-Type"), string(body)}, " ")
					token = r.Header.Get("Authorization")
					_, _ = io.WriteString(w, `{"success":true,"count":3}`)
				}, func(c *gloebit.Config, _ *connect.Credential) { c.Provider.APIURL += "api/" })
				var read answer
				require.NoError(t, client.Call(t.Context(), test.method, test.path, test.body, &read))
				require.Equal(t, answer{3}, read)
				require.Equal(t, test.want, got)
				require.Equal(t, "Bearer "+canaryToken.Reveal(), token)
				require.NoError(t, client.Call(t.Context(), test.method, test.path, test.body, nil))
			})
		}
	})
	t.Run("refuses before sending", func(t *testing.T) {
		client, _, _ := clientOf(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
		for name, test := range map[string]struct {
			method, path string
			body, answer any
		}{
			"no method":             {"", "x", nil, nil},
			"an unknown method":     {"HEAD", "x", nil, nil},
			"a method in lowercase": {"get", "x", nil, nil},
			"two methods":           {"GET /y HTTP/1.1\r\nX: y\r\n\r\nPOST", "x", nil, nil},
			"a GET with a body":     {"GET", "x", 1, nil},
			"no path":               {"GET", "", nil, nil},
			"a query alone":         {"GET", "?x=y", nil, nil},
			"a leading slash":       {"GET", "/x", nil, nil},
			"a host":                {"GET", "//evil.example/x", nil, nil},
			"an encoded slash":      {"GET", "%2fevil.example/x", nil, nil},
			"a scheme":              {"GET", "https://evil.example/x", nil, nil},
			"a scheme alone":        {"GET", "https:x", nil, nil},
			"a port":                {"GET", ":80/x", nil, nil},
			"up":                    {"GET", "../x", nil, nil},
			"up from below":         {"GET", "a/../../x", nil, nil},
			"up, encoded":           {"GET", "a/%2e%2E/x", nil, nil},
			"up, encoded twice":     {"GET", "a/%252e%252e/x", nil, nil},
			"up, its slash encoded": {"GET", "a%2f..%2fx", nil, nil},
			"here":                  {"GET", "a/./x", nil, nil},
			"a backslash":           {"GET", `a\x`, nil, nil},
			"an encoded backslash":  {"GET", "a/..%5cx", nil, nil},
			"a fragment":            {"GET", "x#y", nil, nil},
			"a space":               {"GET", "a b", nil, nil},
			"a space in the query":  {"GET", "a?b c", nil, nil},
			"a line break":          {"GET", "a\r\nb", nil, nil},
			"an encoded line break": {"GET", "a%0d%0ab", nil, nil},
			"a letter beyond ASCII": {"GET", "ä", nil, nil},
			"a bad escape":          {"GET", "a%zz", nil, nil},
			"too long":              {"GET", strings.Repeat("x", 2048), nil, nil},
			"an invalid body":       {"POST", "x", func() {}, nil},
			"no pointer":            {"POST", "x", nil, answer{}},
			"a nil pointer":         {"POST", "x", nil, (*answer)(nil)},
		} {
			t.Run(name, func(t *testing.T) {
				err := client.Call(t.Context(), test.method, test.path, test.body, test.answer)
				require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
				require.NotErrorIs(t, err, gloebit.ErrInvalidReturnTo)
			})
		}
	})
	t.Run("repeats a GET alone", func(t *testing.T) {
		for method, want := range map[string]int32{"GET": 2, "POST": 1, "PUT": 1, "PATCH": 1, "DELETE": 1} {
			t.Run(method, func(t *testing.T) {
				var asked atomic.Int32
				client, _, _ := clientOf(t, func(w http.ResponseWriter, _ *http.Request) {
					if asked.Add(1) == 1 {
						panic(http.ErrAbortHandler)
					}
					_, _ = io.WriteString(w, `{"success":true}`)
				})
				err := client.Call(t.Context(), method, "gifts", nil, nil)
				require.Equal(t, want, asked.Load())
				if method == "GET" {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, gloebit.ErrOutcomeUnknown)
				require.ErrorIs(t, err, gloebit.ErrUnavailable)
			})
		}
	})
	for name, test := range map[string]struct {
		method, body string
		want         error
	}{
		"a reason": {
			"POST", `{"success":false,"reason":"insufficient balance"}`, gloebit.ErrInsufficientBalance,
		},
		"a refused token":          {"GET", `{"success":false,"reason":"unknown token"}`, gloebit.ErrNotConnected},
		"no success":               {"GET", `{"count":1}`, gloebit.ErrInvalidResponse},
		"no success, maybe done":   {"POST", `{"count":1}`, gloebit.ErrOutcomeUnknown},
		"another type":             {"GET", `{"success":true,"count":"1"}`, gloebit.ErrInvalidResponse},
		"another type, maybe done": {"POST", `{"success":true,"count":"1"}`, gloebit.ErrOutcomeUnknown},
		"too long": {
			"GET", `{"success":true,"x":"` + strings.Repeat("x", 1<<20) + `"}`, gloebit.ErrInvalidResponse,
		},
	} {
		t.Run(name, func(t *testing.T) {
			client, _, _ := clientOf(t, answering(http.StatusOK, test.body))
			err := client.Call(t.Context(), test.method, "gifts/1?who=bob", nil, new(answer))
			require.ErrorIs(t, err, test.want)
			var failure *gloebit.APIError
			require.ErrorAs(t, err, &failure)
			require.Equal(t, "gifts/1", failure.Call)
		})
	}
}
