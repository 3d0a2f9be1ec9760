package ledger_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

// FuzzHoldURL calls the ledger with arbitrary paths and queries. Only signed
// URLs are accepted, and no other request reaches the store.
func FuzzHoldURL(f *testing.F) {
	const id = "01a20011-f44d-7924-af5e-bbc3f0f3e249"
	store := &store{Store: &ledger.MemoryStore{}}
	merchant, err := gloebit.New(gloebit.Config{
		ClientID: "key", ClientSecret: "secret", Provider: gloebit.ProviderAt("https://gloebit.example/"),
		RedirectURL: "https://shop.example/gloebit/callback",
	})
	require.NoError(f, err)
	purchases, err := ledger.New(ledger.Config{
		Merchant: merchant, Store: store, CallbackURL: "https://shop.example/gloebit/hold", Keys: []gloebit.Secret{key},
	})
	require.NoError(f, err)
	_, _, err = store.Store.Create(f.Context(), ledger.Purchase{
		Realm: merchant.Realm(), ID: id, UserID: "alice", Order: ledger.Order{Item: "hat", Price: 40, Quantity: 1},
		State: ledger.Accepted, CreatedAt: time.Unix(0, 0),
	})
	require.NoError(f, err)

	realm := merchant.Realm()
	signed := path(key, realm, id, "enact")
	for _, seed := range []string{
		signed, "/gloebit/hold" + signed, signed[:len(signed)-1], signed + "/", signed + "A", path(key, realm, id, "deliver"),
		path(key, realm, "", "enact"),
		path("another key, of 32 bytes or more", realm, id, "enact"), "/" + id + "/consume" + signed[len(id)+7:],
		"/" + id + "/enact/",
		"", "/", "///", "/%2f/%00/", "/\x00/\xff/", "/a\nb/enact/c", "//" + id + "//enact//",
	} {
		f.Add(http.MethodGet, seed, "")
		f.Add(http.MethodPost, seed, "id="+id+"&step=enact&signature="+signed)
	}
	f.Fuzz(func(t *testing.T, method, at, query string) {
		before := store.calls
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Method, r.URL = method, &url.URL{Path: at, RawQuery: query}
		recorder := httptest.NewRecorder()
		purchases.Handler().ServeHTTP(recorder, r)
		switch {
		case wasSigned(realm, at) && method == http.MethodGet:
			if recorder.Code == http.StatusNotFound {
				t.Fatalf("a signed URL is not believed: %q", at)
			}
		case recorder.Code != http.StatusNotFound && recorder.Code != http.StatusMethodNotAllowed:
			t.Fatalf("status %d for %s %q", recorder.Code, method, at)
		case store.calls != before:
			t.Fatalf("the store was asked for %s %q", method, at)
		}
	})
}

// wasSigned reports whether a path ends as one that the ledger signs.
func wasSigned(realm, at string) bool {
	segments := strings.Split(at, "/")
	if len(segments) < 3 {
		return false
	}
	last := segments[len(segments)-3:]
	return slices.Contains(
		[]string{"enact", "consume", "cancel"}, last[1],
	) && "/"+strings.Join(last, "/") == path(key, realm, last[0], last[1])
}
