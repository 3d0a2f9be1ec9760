package storetest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/suite"
)

func absence(t *testing.T, store *tokens) {
	wantNone(t, store, "u")
	wantNone(t, store, "u") // an Update that saved nothing must not create a record
	if err := store.Delete(suite.InTime(t), "u"); err != nil {
		t.Errorf("Delete of a user without a credential: %v", err)
	}
}

// fullCredential returns a credential with every field set to a value that is
// hard to store.
func fullCredential(t *testing.T) connect.Credential {
	t.Helper()
	now := time.Now() // its monotonic clock reading can't be stored
	full := connect.Credential{
		AccessToken:  "access-._~+/=!'\"\\ %00 \u00e9\u4e16\U0001F600",
		RefreshToken: "refresh-" + connect.Secret(strings.Repeat("r", 4096)),
		TokenSecret:  "secret&=",
		TokenExpiry:  now.Add(time.Hour),
		Scopes:       []connect.Scope{"transact", "balance", "user", "\u00e9,;\"'"},
		Subject:      "id \u00e9\u4e16\U0001F600 with 'quotes', \"these\", \x01 and \n",
		Name:         "name \u00e9\u4e16\U0001F600 with 'quotes', \"these\", \x01 and \n",
		ConnectedAt:  time.Date(2013, 7, 1, 2, 3, 4, 567_891_000, time.FixedZone("", 5400)),
		ExpiresAt:    now.Add(48*time.Hour + 123_457*time.Microsecond),
	}
	wantFilled(t, full)
	return full
}

func tokenRoundTrip(t *testing.T, store *tokens) {
	want := fullCredential(t)
	save(t, store, "u", want)
	wantEqual(t, load(t, store, "u"), want)
	err := store.Update(suite.InTime(t), "u", func(
		_ context.Context, current *connect.Credential,
	) (*connect.Credential, error) {
		if current == nil {
			t.Error("Update gave fn nil, want the credential")
			return nil, nil
		}
		wantEqual(t, *current, want)
		return current, nil
	})
	if err != nil {
		t.Errorf("Update: %v", err)
	}
}

func emptyTokenRoundTrip(t *testing.T, store *tokens) {
	for _, want := range []connect.Credential{
		{},
		withToken("only a token"),
		{Scopes: []connect.Scope{}},
		{TokenExpiry: time.Unix(0, 0)}, // an ordinary time, which must not become the zero time, which means never
		{TokenExpiry: time.Unix(-1, 0), ConnectedAt: time.Unix(0, 1)},
	} {
		save(t, store, "u", want)
		wantEqual(t, load(t, store, "u"), want)
	}
}

func overwrite(t *testing.T, store *tokens) {
	save(t, store, "u", fullCredential(t))
	save(t, store, "u", withToken("second"))
	wantEqual(t, load(t, store, "u"), withToken("second"))
	save(t, store, "u", fullCredential(t))
	save(t, store, "u", connect.Credential{})
	wantEqual(t, load(t, store, "u"), connect.Credential{})
}

func nilRemoves(t *testing.T, store *tokens) {
	save(t, store, "u", withToken("one"))
	save(t, store, "other", withToken("other"))
	if err := store.Update(suite.InTime(t), "u", returning(nil)); err != nil {
		t.Fatalf("Update: %v", err)
	}
	wantNone(t, store, "u")
	wantToken(t, store, "other", "other")
	save(t, store, "u", withToken("again"))
	wantToken(t, store, "u", "again")
}

func unchanged(t *testing.T, store *tokens) {
	want := fullCredential(t)
	save(t, store, "u", want)
	for range 3 {
		wantUpdatable(t, store, "u")
	}
	wantEqual(t, load(t, store, "u"), want)
}

func deletes(t *testing.T, store *tokens) {
	save(t, store, "u", withToken("one"))
	save(t, store, "other", withToken("other"))
	for range 2 {
		if err := store.Delete(suite.InTime(t), "u"); err != nil {
			t.Fatalf("Delete: %v", err)
		}
		wantNone(t, store, "u")
	}
	wantToken(t, store, "other", "other")
}

func expired(t *testing.T, store *tokens) {
	for _, until := range []time.Time{time.Now(), time.Now().Add(-time.Hour), time.Unix(0, 0), time.Unix(-1, 0)} {
		want := withToken("expired")
		want.ExpiresAt = until
		save(t, store, "u", want)
		got, err := store.Load(suite.InTime(t), "u")
		if errors.Is(err, connect.ErrNotFound) {
			want = connect.Credential{}
		} else if err != nil {
			t.Fatalf("Load of a credential that has expired: %v", err)
		}
		wantEqual(t, got, want)
	}
}

func expiredReplaced(t *testing.T, store *tokens) {
	credential := withToken("short")
	for _, userID := range []string{"replaced", "removed"} {
		credential.ExpiresAt = time.Now().Add(suite.AMoment / 10)
		save(t, store, userID, credential)
	}
	pass(credential.ExpiresAt)
	save(t, store, "replaced", withToken("new"))
	wantToken(t, store, "replaced", "new")
	if err := store.Delete(suite.InTime(t), "removed"); err != nil {
		t.Errorf("Delete of an expired credential: %v", err)
	}
	wantNone(t, store, "removed")
}

func largeTokens(t *testing.T, store *tokens) {
	want := connect.Credential{
		AccessToken:  connect.Secret(strings.Repeat("a", 64<<10)),
		RefreshToken: connect.Secret(strings.Repeat("r", 64<<10)),
	}
	save(t, store, "u", want)
	wantEqual(t, load(t, store, "u"), want)
}
