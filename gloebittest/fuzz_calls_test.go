package gloebittest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

// fuzzCall sends a body with a token of all scopes and reads the answer.
func fuzzCall(t *testing.T, g *gloebittest.Gloebit, token, method, path, body, contentType string) map[string]any {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header["Content-Type"] = []string{contentType}
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	g.ServeHTTP(w, r)
	require.Equal(t, http.StatusOK, w.Code, w.Body.String())
	dec := json.NewDecoder(w.Body)
	dec.UseNumber()
	var got map[string]any
	require.NoError(t, dec.Decode(&got))
	require.IsType(t, true, got["success"])
	require.NotEmpty(t, got["reason"])
	return got
}

// readsAgain loads what a Gloebit saves into another.
func readsAgain(t *testing.T, g *gloebittest.Gloebit) *gloebittest.Gloebit {
	t.Helper()
	var saved strings.Builder
	require.NoError(t, g.Save(&saved))
	again := gloebittest.New(gloebittest.Config{})
	require.NoError(t, again.Load(strings.NewReader(saved.String())))
	return again
}

// sent decodes a body without its invalid UTF-8, which JSON can't contain.
func sent(body string) (map[string]any, bool) {
	if !utf8.ValidString(body) {
		return nil, false
	}
	dec := json.NewDecoder(strings.NewReader(body))
	dec.UseNumber()
	var object map[string]any
	return object, dec.Decode(&object) == nil
}

func FuzzCharacter(f *testing.F) {
	for _, body := range []string{
		`{"name":"Ogre"}`, `{"name":"Ogre","id":null,"level":9007199254740993,"pi":3.1400e-7,"x":{"y":[null,-0.0]}}`,
		`{"name":"\ud800","":1,"name":"b"}`, `{"name":"x","a":` + strings.Repeat("[", 98) + strings.Repeat("]", 98) + `}`,
		`name=Ogre&hair=green`, `{"name":1}`, `[`, "{\"name\":\"\xff\"}",
	} {
		f.Add(body, "application/json")
		f.Add(body, "application/x-www-form-urlencoded")
	}
	f.Fuzz(func(t *testing.T, body, contentType string) {
		g, _ := fuzzed(t)
		token, err := g.IssueToken("key", "alice", "character")
		require.NoError(t, err)
		got := fuzzCall(t, g, token, "POST", "/create-character", body, contentType)
		if got["success"] != true {
			require.Empty(t, g.Characters("alice"))
			return
		}
		made := got["character"].(map[string]any)
		require.NotEmpty(t, made["id"])
		require.NotEmpty(t, made["name"])
		if want, ok := sent(body); ok {
			want["id"] = made["id"]
			require.Equal(t, want, made, "as it was sent, digit by digit")
		}
		require.Equal(t, []any{made}, fuzzCall(t, g, token, "GET", "/get-characters", "", "")["characters"])
		require.Equal(t, g.Characters("alice"), readsAgain(t, g).Characters("alice"))
		fuzzCall(t, g, token, "POST", "/update-character", body, contentType)
		fuzzCall(t, g, token, "POST", "/delete-character", body, contentType)
	})
}

func FuzzInventory(f *testing.F) {
	for _, body := range []string{
		`{"folder-id":"f","type-id":"t","params":{"a":1.50}}`, `{"id":"x","params":{"b":{"c":null}}}`,
		`{"item_id":"x","folder_id":"g","params":{"b":1e999}}`,
		`{"folder-id":"0123456789012345678901234567890123456","params":[]}`, `{}`, `{"params":{"":""}}`, `x`,
		`{"params":"text","type_id":"t","folder_id":"f"}`, `{"id":"x","item_id":"x","params":"text"}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		g, token := fuzzed(t)
		got := fuzzCall(t, g, token, "POST", "/new-inventory-item", body, "")
		made, _ := got["success"].(bool)
		require.Len(t, g.Inventory("alice"), map[bool]int{true: 1}[made])
		fuzzCall(t, g, token, "POST", "/update-inventory-item-params", body, "")
		fuzzCall(t, g, token, "PUT", "/update-inventory-item", body, "")
		fuzzCall(t, g, token, "POST", "/update-inventory-item", body, "")
		for _, item := range g.Inventory("alice") {
			require.NotEmpty(t, item.ID)
			require.NotEmpty(t, item.Folder)
			require.LessOrEqual(t, utf8.RuneCountInString(item.Folder), 36)
			require.True(t, json.Valid(item.Params))
			require.Contains(t, `{"`, string(item.Params[:1]))
		}
		require.Equal(t, g.Inventory("alice"), readsAgain(t, g).Inventory("alice"))
	})
}

func FuzzSigned(f *testing.F) {
	f.Add(
		`realm="x", oauth_consumer_key="key",oauth_token="t",oauth_signature_method="HMAC-SHA1",`+
			`oauth_timestamp="1",oauth_nonce="n",oauth_signature="s%3D"`,
		"a=1&a=2", "b=3", "shop.example:80",
	)
	f.Add(`oauth_nonce="`, "%zz", "=&=", "")
	f.Add(`a="1"b="2"`, "oauth_signature=1&oauth_nonce=2", "oauth_nonce=3", "[::1]:443")
	f.Add(`=""`, ";", "\x00", "x")
	f.Fuzz(func(t *testing.T, credentials, query, body, host string) {
		g, _ := fuzzed(t)
		for _, path := range []string{"/balance", "/oauth/request-token", "/oauth/access-token"} {
			r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
			if path == "/balance" {
				r.Method = http.MethodGet
			}
			r.URL.RawQuery, r.Host = query, host
			r.Header["Authorization"] = []string{"OAuth " + credentials}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			g.ServeHTTP(w, r)
			if path == "/balance" && w.Code == http.StatusOK {
				require.Regexp(t, `^\{"reason":"unknown (consumer|token)","success":false\}$`, w.Body.String())
				continue
			}
			require.Equal(t, http.StatusUnauthorized, w.Code)
			require.Regexp(t, `^oauth_problem=[a-z_]+$`, w.Body.String())
		}
	})
}
