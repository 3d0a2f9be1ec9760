package blotre_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/oauthtest"
	"github.com/go-gloebit/gloebit/servers/blotre"
	"github.com/stretchr/testify/require"
)

// TestAPI has a case for each call of the API.
func TestAPI(t *testing.T) {
	w := newWorld(t)
	api, ctx := w.api(t), t.Context()
	root := w.ann.RootStream
	made, created, err := api.CreateStream(ctx, blotre.NewStream{
		Name: "A B C", URI: blotre.JoinURI("Ann", "A B C"), Color: "#aabbcc", Tags: []string{"One"},
	})
	require.NoError(t, err)
	require.True(t, created)
	require.Equal(t, blotre.Stream{
		ID: made.ID, Name: "A B C", URI: "ann/a+b+c", Owner: w.ann.ID, Created: w.there.Now(), Updated: w.there.Now(),
		Status: blotre.Status{Color: "#aabbcc", Created: w.there.Now(), Poster: w.ann.ID}, Tags: []string{"one"},
	}, made)
	require.JSONEq(
		t, `{"name":"A B C","uri":"ann/a+b+c","status":{"color":"#aabbcc"},"tags":[{"tag":"One"}]}`, string(w.last(t).Body),
	)
	loose, _, err := api.CreateStream(ctx, blotre.NewStream{Name: "Deep", URI: "ann/a+b+c/deep"})
	require.NoError(t, err)

	for _, test := range []struct {
		name    string
		call    func() (any, error)
		request string // method, path below /v0/api/ and query
		body    string
		want    any
	}{
		{"create existing", func() (any, error) {
			_, created, err := api.CreateStream(ctx, blotre.NewStream{Name: "A B C", URI: "ann/a b c"})
			return created, err
		}, "PUT stream", `{"name":"A B C","uri":"ann/a b c"}`, false},
		{"streams", func() (any, error) { all, err := api.Streams(ctx, ""); return len(all), err }, "GET stream", "", 3},
		{
			"streams by name", func() (any, error) { all, err := api.Streams(ctx, "DEEP"); return len(all), err },
			"GET stream?query=DEEP", "", 1,
		},
		{
			"streams by tag", func() (any, error) { all, err := api.Streams(ctx, "#one"); return len(all), err },
			"GET stream?query=%23one", "", 1,
		},
		{
			"streams by color", func() (any, error) { all, err := api.Streams(ctx, "#aabbcc"); return len(all), err },
			"GET stream?query=%23aabbcc", "", 1,
		},
		{
			"stream", func() (any, error) { s, err := api.Stream(ctx, made.ID); return s.Name, err }, "GET stream/" + made.ID,
			"", "A B C",
		},
		{
			"status", func() (any, error) { s, err := api.Status(ctx, made.ID); return s.Color, err },
			"GET stream/" + made.ID + "/status", "", "#aabbcc",
		},
		{"set status", func() (any, error) { s, err := api.SetStatus(ctx, made.ID, "#112233"); return s.Color, err },
			"POST stream/" + made.ID + "/status", `{"color":"#112233"}`, "#112233"},
		{
			"children", func() (any, error) { all, err := api.Children(ctx, root, "a b"); return len(all), err },
			"GET stream/" + root + "/children?query=a+b", "", 1,
		},
		{
			"child", func() (any, error) { s, err := api.Child(ctx, root, made.ID); return s.ID, err },
			"GET stream/" + root + "/children/" + made.ID, "", made.ID,
		},
		{
			"link child", func() (any, error) { return api.LinkChild(ctx, root, loose.ID) },
			"PUT stream/" + root + "/children/" + loose.ID, "", true,
		},
		{
			"link child again", func() (any, error) { return api.LinkChild(ctx, root, loose.ID) },
			"PUT stream/" + root + "/children/" + loose.ID, "", false,
		},
		{
			"unlink child", func() (any, error) { return nil, api.UnlinkChild(ctx, root, loose.ID) },
			"DELETE stream/" + root + "/children/" + loose.ID, "", nil,
		},
		{
			"tags", func() (any, error) { return api.Tags(ctx, made.ID) }, "GET stream/" + made.ID + "/tags", "",
			[]string{"one"},
		},
		{
			"set tags", func() (any, error) { return nil, api.SetTags(ctx, made.ID, "one", "two") },
			"POST stream/" + made.ID + "/tags", `[{"tag":"one"},{"tag":"two"}]`, nil,
		},
		{
			"add tag", func() (any, error) { return api.AddTag(ctx, made.ID, "three") },
			"PUT stream/" + made.ID + "/tags/three", "", true,
		},
		{
			"add tag again", func() (any, error) { return api.AddTag(ctx, made.ID, "three") },
			"PUT stream/" + made.ID + "/tags/three", "", false,
		},
		{
			"has tag", func() (any, error) { return api.HasTag(ctx, made.ID, "three") },
			"GET stream/" + made.ID + "/tags/three", "", true,
		},
		{"has no tag", func() (any, error) { return api.HasTag(ctx, made.ID, "four") }, "GET stream/" + made.ID, "", false},
		{
			"remove tag", func() (any, error) { return nil, api.RemoveTag(ctx, made.ID, "Three") },
			"POST stream/" + made.ID + "/tags", `[{"tag":"one"},{"tag":"two"}]`, nil,
		},
		{
			"remove no tag", func() (any, error) { return nil, api.RemoveTag(ctx, made.ID, "four") },
			"GET stream/" + made.ID + "/tags", "", nil,
		},
		{
			"no tags", func() (any, error) { return nil, api.SetTags(ctx, made.ID) }, "POST stream/" + made.ID + "/tags", `[]`,
			nil,
		},
		{
			"tagged", func() (any, error) { all, err := api.Tagged(ctx, "one", "x"); return len(all), err },
			"GET tag/one/children?query=x", "", 0,
		},
		{
			"user", func() (any, error) { u, err := api.User(ctx, w.ann.ID); return u.Name, err }, "GET user/" + w.ann.ID, "",
			"Ann",
		},
		{"call", func() (any, error) {
			raw, err := api.Call(ctx, "GET", "user/"+w.ann.ID, nil, nil)
			return len(raw) > 2, err
		}, "GET user/" + w.ann.ID, "", true},
		{
			"delete", func() (any, error) { s, err := api.DeleteStream(ctx, made.ID); return s.ID, err },
			"DELETE stream/" + made.ID, "", made.ID,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := test.call()
			require.NoError(t, err)
			require.Equal(t, test.want, got)
			last := w.last(t)
			target := strings.TrimPrefix(last.Path, "/v0/api/")
			if len(last.Query) > 0 {
				target += "?" + last.Query.Encode()
			}
			require.Equal(t, test.request, last.Method+" "+target)
			require.Equal(t, test.body, string(last.Body))
			require.Equal(t, test.body != "", last.Header.Get("Content-Type") == "application/json")
			require.Equal(t, "application/json", last.Header.Get("Accept"))
		})
	}
}

// TestAPIErrors has a case for each error of the API.
func TestAPIErrors(t *testing.T) {
	w := newWorld(t)
	api, ctx := w.api(t), t.Context()
	bob := w.blotre.AddUser("Bob")
	root := w.ann.RootStream
	made, _, err := api.CreateStream(ctx, blotre.NewStream{Name: "a", URI: "ann/a"})
	require.NoError(t, err)
	const unknown = "ffffffffffffffffffffffff"
	create := func(name, uri, color string, tags ...string) func() error {
		return func() error {
			_, _, err := api.CreateStream(ctx, blotre.NewStream{Name: name, URI: uri, Color: color, Tags: tags})
			return err
		}
	}
	for name, test := range map[string]struct {
		call   func() error
		status int
		is     error
	}{
		"create malformed":      {create("b", "ann/b", "red"), 400, nil},
		"create without parent": {create("b", "unknown/b", ""), 404, connect.ErrNotFound},
		"create bad name":       {create("b!", "ann/b!", ""), 422, nil},
		"create name differs":   {create("b", "ann/c", ""), 422, nil},
		"create at another's":   {create("b", "bob/b", ""), 401, blotre.ErrNotOwner},
		"create seven tags":     {create("b", "ann/b", "", "1", "2", "3", "4", "5", "6", "7"), 422, nil},
		"stream unknown": {
			func() error { _, err := api.Stream(ctx, unknown); return err }, 404, connect.ErrNotFound,
		},
		"stream no id": {
			func() error { _, err := api.Stream(ctx, "nonsense"); return err }, 404, connect.ErrNotFound,
		},
		"delete unknown": {
			func() error { _, err := api.DeleteStream(ctx, unknown); return err }, 404, connect.ErrNotFound,
		},
		"delete another's": {
			func() error { _, err := api.DeleteStream(ctx, bob.RootStream); return err }, 401, blotre.ErrNotOwner,
		},
		"delete root": {func() error { _, err := api.DeleteStream(ctx, root); return err }, 422, nil},
		"status unknown": {
			func() error { _, err := api.Status(ctx, unknown); return err }, 404, connect.ErrNotFound,
		},
		"set status malformed": {func() error { _, err := api.SetStatus(ctx, root, "red"); return err }, 400, nil},
		"set status unknown": {
			func() error { _, err := api.SetStatus(ctx, unknown, "#112233"); return err }, 404, connect.ErrNotFound,
		},
		"set status another's": {
			func() error { _, err := api.SetStatus(ctx, bob.RootStream, "#112233"); return err }, 401, blotre.ErrNotOwner,
		},
		"children unknown": {
			func() error { _, err := api.Children(ctx, unknown, ""); return err }, 404, connect.ErrNotFound,
		},
		"child none": {
			func() error { _, err := api.Child(ctx, root, bob.RootStream); return err }, 404, connect.ErrNotFound,
		},
		"link unknown": {
			func() error { _, err := api.LinkChild(ctx, root, unknown); return err }, 404, connect.ErrNotFound,
		},
		"link another's": {
			func() error { _, err := api.LinkChild(ctx, bob.RootStream, root); return err }, 401, blotre.ErrNotOwner,
		},
		"link itself": {func() error { _, err := api.LinkChild(ctx, root, root); return err }, 422, nil},
		"unlink none": {
			func() error { return api.UnlinkChild(ctx, root, bob.RootStream) }, 404, connect.ErrNotFound,
		},
		"unlink hierarchical":     {func() error { return api.UnlinkChild(ctx, root, made.ID) }, 422, nil},
		"tags unknown":            {func() error { _, err := api.Tags(ctx, unknown); return err }, 404, connect.ErrNotFound},
		"set tags doubled":        {func() error { return api.SetTags(ctx, root, "a", "A") }, 422, nil},
		"set tags six hex digits": {func() error { return api.SetTags(ctx, root, "aabbcc") }, 422, nil},
		"set tags unknown":        {func() error { return api.SetTags(ctx, unknown, "a") }, 404, connect.ErrNotFound},
		"set tags another's":      {func() error { return api.SetTags(ctx, bob.RootStream, "a") }, 401, blotre.ErrNotOwner},
		"add tag another's": {
			func() error { _, err := api.AddTag(ctx, bob.RootStream, "a"); return err }, 404, connect.ErrNotFound,
		},
		"add tag bad": {func() error { _, err := api.AddTag(ctx, root, "a b"); return err }, 422, nil},
		"has tag of unknown": {
			func() error { _, err := api.HasTag(ctx, unknown, "a"); return err }, 404, connect.ErrNotFound,
		},
		"tagged bad":               {func() error { _, err := api.Tagged(ctx, "aabbcc", ""); return err }, 422, nil},
		"user unknown, empty body": {func() error { _, err := api.User(ctx, unknown); return err }, 404, connect.ErrNotFound},
		"unknown path, a page": {
			func() error { _, err := api.Call(ctx, "GET", "nonsense", nil, nil); return err }, 404, connect.ErrNotFound,
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := test.call()
			var failure *blotre.Error
			require.ErrorAs(t, err, &failure)
			require.Equal(t, test.status, failure.Status)
			if test.is != nil {
				require.ErrorIs(t, err, test.is)
			}
		})
	}
	t.Run("details", func(t *testing.T) {
		_, err := api.SetStatus(ctx, root, "red")
		var failure *blotre.Error
		require.ErrorAs(t, err, &failure)
		require.JSONEq(t, `{"obj.color":["error.color"]}`, string(failure.Details))
	})
	t.Run("not sent", func(t *testing.T) {
		before := w.count("")
		for _, id := range []string{"", ".", ".."} {
			_, err := api.Stream(ctx, id)
			require.ErrorIs(t, err, connect.ErrInvalidRequest)
		}
		for _, path := range []string{"/stream", "stream/", "stream?a=b"} {
			_, err := api.Call(ctx, "GET", path, nil, nil)
			require.ErrorIs(t, err, connect.ErrInvalidRequest)
		}
		_, err := api.Call(ctx, "PUT", "stream", nil, func() {})
		require.ErrorIs(t, err, connect.ErrInvalidRequest)
		_, err = blotre.Client{Address: "http://blot.re"}.Streams(ctx, "")
		require.ErrorContains(t, err, "plain http")
		require.Equal(t, before, w.count(""))
	})
	t.Run("ids are escaped", func(t *testing.T) {
		_, err := api.Stream(ctx, "a/../b?c")
		require.ErrorIs(t, err, connect.ErrNotFound)
		require.Equal(t, "/v0/api/stream/a/../b?c", w.last(t).Path)
	})
}

// TestWrongAnswers checks responses that Blot're does not send.
func TestWrongAnswers(t *testing.T) {
	const secret = "canary-canary"
	for name, test := range map[string]struct {
		fault oauthtest.Fault
		is    error
		text  string
	}{
		"page": {
			oauthtest.Page(200, "Hello"), connect.ErrInvalidResponse, "blotre: status 200: the body is not JSON",
		},
		"empty": {oauthtest.Empty(200), connect.ErrInvalidResponse, "blotre: status 200: the body is empty"},
		"list": {
			oauthtest.JSON(200, `[]`), connect.ErrInvalidResponse, "blotre: status 200: the body is not a JSON object",
		},
		"number as text": {
			oauthtest.JSON(200, `{"created":"soon"}`), connect.ErrInvalidResponse,
			"blotre: status 200: the body is not the expected JSON",
		},
		"tags as an object": {
			oauthtest.JSON(200, `{"tags":{}}`), connect.ErrInvalidResponse,
			"blotre: status 200: the member tags is of the type object",
		},
		"cut off": {oauthtest.CutOff(5), connect.ErrUnavailable, ""},
		"dropped": {oauthtest.Drop(), connect.ErrUnavailable, ""},
		"moved":   {oauthtest.Moved("https://evil.example/"), connect.ErrInvalidResponse, "blotre: status 301"},
		"500 page": {
			oauthtest.Page(500, "Oops of "+secret), connect.ErrUnavailable, "blotre: status 500: Oops of [redacted]",
		},
		"500 empty": {oauthtest.Empty(500), connect.ErrUnavailable, "blotre: status 500"},
		"429":       {oauthtest.TooMany(3), connect.ErrUnavailable, "blotre: status 429"},
		"418 object": {
			oauthtest.JSON(418, `{"type":"Error","error":"tea for `+secret+`","details":{"a":"`+secret+`"}}`), nil,
			"blotre: status 418: tea for [redacted]",
		},
		"error as object": {oauthtest.JSON(400, `{"error":{}}`), nil, "blotre: status 400"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.blotre.Inject("/v0/api/stream/x/status", 1, test.fault)
			bearing := &http.Client{Transport: bearing{w.blotre.Transport(), secret}}
			var err error
			if strings.Contains(name, "tags") {
				w.blotre.Inject("/v0/api/stream/x", 1, test.fault)
				_, err = blotre.Client{HTTPClient: bearing}.Stream(t.Context(), "x")
			} else {
				_, err = blotre.Client{HTTPClient: bearing}.SetStatus(t.Context(), "x", "#112233")
			}
			require.Error(t, err)
			require.NotContains(t, err.Error(), secret)
			if test.is != nil {
				require.ErrorIs(t, err, test.is)
			}
			if test.text != "" {
				require.EqualError(t, err, test.text)
				var failure *blotre.Error
				require.ErrorAs(t, err, &failure)
				require.Nil(t, failure.Details)
			}
		})
	}
	for name, fault := range map[string]oauthtest.Fault{
		"list is an object": oauthtest.JSON(200, `{}`), "list of lists": oauthtest.JSON(200, `[[]]`),
		"list empty": oauthtest.Empty(200),
		"list page":  oauthtest.Page(200, "no"), "list null": oauthtest.JSON(200, `null`),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.blotre.Inject("/v0/api/stream", 1, fault)
			_, err := w.anonymous().Streams(t.Context(), "")
			require.ErrorIs(t, err, connect.ErrInvalidResponse)
		})
	}
	for name, fault := range map[string]oauthtest.Fault{
		"token page": oauthtest.Page(200, "no"), "token empty": oauthtest.Empty(200),
		"token 301": oauthtest.Moved("/elsewhere"),
		"token 500": oauthtest.Page(500, "no"), "token list": oauthtest.JSON(200, `[]`),
		"token refused": oauthtest.JSON(400, `{"error":"invalid_client","error_description":""}`),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.blotre.Inject("/v0/oauth2/access_token", 1, fault)
			require.GreaterOrEqual(t, w.open(t).Status, 500)
			require.NotContains(t, w.log.String(), w.client.Secret)
			require.Zero(t, w.tokens.Len())
		})
	}
	t.Run("user without an id", func(t *testing.T) {
		w := newWorld(t)
		w.blotre.Inject("/v0/api/user/x", 1, oauthtest.JSON(200, `{}`))
		_, err := w.anonymous().User(t.Context(), "x")
		require.ErrorIs(t, err, connect.ErrInvalidResponse)
	})
}

// bearing sends a token with each request.
type bearing struct {
	http.RoundTripper
	token string
}

func (b bearing) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return b.RoundTripper.RoundTrip(r)
}

// TestServerFault checks a bug of Blot're: a DELETE of a tag sets the tag.
func TestServerFault(t *testing.T) {
	w := newWorld(t)
	token := w.account(t).Credential().AccessToken.Reveal()
	status, _, _ := w.raw(
		t, http.MethodDelete, "api/stream/"+w.ann.RootStream+"/tags/kept", nil, "Authorization", "Bearer "+token,
	)
	require.Equal(t, 201, status)
	tags, err := w.anonymous().Tags(t.Context(), w.ann.RootStream)
	require.NoError(t, err)
	require.Equal(t, []string{"kept"}, tags)
	status, _, _ = w.raw(
		t, http.MethodPut, "api/stream/"+w.ann.RootStream+"/tags/more", "", "Authorization", "Bearer "+token,
	)
	require.Equal(t, 400, status, "an empty body with the type JSON")
}
