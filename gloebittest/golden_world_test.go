package gloebittest_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/golden"
	"github.com/stretchr/testify/require"
)

// goldenWorld is a Gloebit with the application of a golden file.
type goldenWorld struct {
	*world
	file golden.File
	// stands are the texts for what the file leaves to the server, in pairs of
	// old and new.
	stands []string
}

// newGoldenWorld starts a Gloebit for one source. It makes no hold callbacks,
// because the addresses in the files don't exist.
func newGoldenWorld(t *testing.T, name string, cfg gloebittest.Config) *goldenWorld {
	t.Helper()
	file, err := golden.Load(name)
	require.NoError(t, err)
	cfg.Queue.Manual = true
	w := &goldenWorld{world: newWorld(t, cfg), file: file}
	seller, err := w.server.AddUser(gloebittest.User{Name: "Bob Builder", Email: "bob@shop.example"})
	require.NoError(t, err)
	w.app, err = w.server.AddApplication(gloebittest.Application{
		Key: file.Key, Secret: file.Secret, Name: "Golden shop", HomeURL: "http://shop.example/",
		RedirectPrefixes: []string{
			"http://shop.example/gloebit", "https://shop.example/gloebit", "http://grid.example:9000/gloebit",
		},
		Products: []gloebittest.Product{{Name: "green-hat", Price: 40}, {Name: "green hat", Price: 40}},
	})
	require.NoError(t, err)
	require.NoError(t, w.server.Approve("alice"))
	for _, product := range []string{"green-hat", "green hat"} {
		require.NoError(t, w.server.GrantProduct(w.app.Key, "alice", product, 10))
	}
	w.stands = []string{"{user}", w.alice.ID, "{seller}", seller.ID}
	return w
}

// stage creates the things that the calls of a golden file name.
func (w *goldenWorld) stage() {
	w.t.Helper()
	const item = `{"type-id":"hat","params":{"color":"blue"}}`
	r := w.request(http.MethodPost, "new-inventory-item", w.token("inventory"), item)
	r.Header.Set("Content-Type", "application/json")
	w.stands = append(w.stands, "{item}", w.do(r).json["item-id"].(string))
	if w.file.Key != "test-consumer" {
		return // the document has no more
	}
	token := w.token("character", "inventory", "transact")
	require.Equal(w.t, true, w.post("create-character", token, `{"name":"Ogre"}`).json["success"])
	character := w.server.Characters("alice")[0].ID
	w.post("grant-character-product/"+character+"/green-hat/10", token, "")
	w.post("grant-character-product/"+character+"/green%20hat/10", token, "")
	approved := w.subscribe("approved").json["id"].(string)
	authorization := w.authorizeSubscription(approved).json["id"].(string)
	require.NoError(w.t, w.server.ApproveSubscription(authorization))
	w.stands = append(w.stands, "{character}", character, "{approved}", approved,
		"{authorization}", authorization, "{subscription}", w.subscribe("another").json["id"].(string))
}

// connect gets a token as the login describes.
func (w *goldenWorld) connect(name string) string {
	w.t.Helper()
	login, ok := w.file.Login(name)
	require.True(w.t, ok, name)
	redirect := w.send(login.Authorize, nil)
	require.Equal(w.t, http.StatusFound, redirect.status, redirect.text)
	location, err := url.Parse(redirect.header.Get("Location"))
	require.NoError(w.t, err)
	require.Empty(w.t, location.Query().Get("error"), redirect.header)
	sent, err := url.ParseQuery(login.Authorize.Query)
	require.NoError(w.t, err)
	answered := location.Query()
	if sent.Get("response_type") == "token" {
		answered, err = url.ParseQuery(location.EscapedFragment())
		require.NoError(w.t, err)
	}
	require.Equal(w.t, sent["state"], answered["state"])
	switch {
	case login.CodeIsToken:
		require.Equal(w.t, answered.Get("token"), location.Query().Get("code"))
		return location.Query().Get("code")
	case sent.Get("response_type") == "token":
		require.NotEmpty(w.t, answered.Get("token"))
		require.Empty(w.t, location.RawQuery, "only a client that reads it there gets the token in the query")
		return answered.Get("token")
	}
	require.NotEmpty(w.t, answered.Get("code"))
	exchange := login.Exchange
	if exchange == nil { // the source does not have its fields: RFC 6749, section 4.1.3
		exchange = &golden.Request{
			Method: http.MethodPost, Path: "/oauth2/access-token",
			Headers: []string{"Content-Type: application/x-www-form-urlencoded"},
			Text: "grant_type=authorization_code&code={code}&" + url.Values{
				"client_id": {w.app.Key}, "client_secret": {w.app.Secret},
				"scope": {sent.Get("scope")}, "redirect_uri": {sent.Get("redirect_uri")},
			}.Encode(),
		}
	}
	got := w.send(*exchange, w.file.Headers, "{code}", answered.Get("code"))
	require.Equal(w.t, http.StatusOK, got.status, got.text)
	require.NoError(w.t, login.Reads.Check([]byte(got.text)))
	return got.json["access_token"].(string)
}

// call sends a call with the token that its login gets.
func (w *goldenWorld) call(call golden.Call) answer {
	w.t.Helper()
	token := ""
	if call.Login != "" {
		token = w.connect(call.Login)
	}
	return w.send(call.Request, w.file.Headers, "{token}", token)
}

// send writes a request's bytes and reads one response. It adds no headers but
// Host, Connection and Content-Length.
func (w *goldenWorld) send(r golden.Request, headers []string, more ...string) answer {
	w.t.Helper()
	fill := strings.NewReplacer(append(more, w.stands...)...).Replace
	target, body := fill(r.Path), fill(r.Body())
	if r.Query != "" {
		target += "?" + fill(r.Query)
	}
	address := strings.Trim(strings.TrimPrefix(w.server.URL, "http://"), "/")
	connection, err := net.DialTimeout("tcp", address, 5*time.Second)
	require.NoError(w.t, err)
	defer func() { require.NoError(w.t, connection.Close()) }()
	require.NoError(w.t, connection.SetDeadline(time.Now().Add(10*time.Second)))
	lines := append([]string{r.Method + " " + target + " HTTP/1.1", "Host: " + address, "Connection: close"}, headers...)
	for _, header := range r.Headers {
		lines = append(lines, fill(header))
	}
	if r.Method != http.MethodGet || body != "" {
		lines = append(lines, fmt.Sprintf("Content-Length: %d", len(body)))
	}
	_, err = connection.Write([]byte(strings.Join(lines, "\r\n") + "\r\n\r\n" + body))
	require.NoError(w.t, err)
	response, err := http.ReadResponse(bufio.NewReader(connection), nil)
	require.NoError(w.t, err)
	return readAnswer(w.t, response)
}

// named returns the file's call of that name, for tests that change one.
func (w *goldenWorld) named(name string) golden.Call {
	w.t.Helper()
	for _, call := range w.file.Calls {
		if call.Name == name {
			return call
		}
	}
	require.Fail(w.t, "no such call", name)
	return golden.Call{}
}

// changed returns a JSON object with a key's value replaced, or without the key
// if the value is nil.
func changed(t *testing.T, object json.RawMessage, key string, value json.RawMessage) json.RawMessage {
	t.Helper()
	var fields map[string]json.RawMessage
	require.NoError(t, json.Unmarshal(object, &fields))
	delete(fields, key)
	if value != nil {
		fields[key] = value
	}
	result, err := json.Marshal(fields)
	require.NoError(t, err)
	return result
}
