package connect_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/stretchr/testify/require"
)

func fullValues() (connect.Credential, connect.PendingConnection) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_901_000, time.UTC)
	return connect.Credential{
			AccessToken: "canary \xff\x00\u00e9", RefreshToken: "canary refresh", TokenSecret: "canary secret",
			TokenExpiry: at, Scopes: []gloebit.Scope{"transact", "\xfe"}, Subject: "id \xff", Name: "name \xc3",
			ConnectedAt: time.Unix(0, 0).UTC(), ExpiresAt: time.Unix(-1, 0).UTC(),
		}, connect.PendingConnection{
			UserID: "u \xff\x00", Secret: "canary \xfe", ReturnTo: "/caf\u00e9?\xff", BrowserHash: "b",
			Scopes: []gloebit.Scope{"transact", "\xfe"}, RequiredScopes: []gloebit.Scope{"transact"}, ExpiresAt: at,
		}
}

func TestEncodingRoundTrip(t *testing.T) {
	credential, pending := fullValues()
	for name, want := range map[string]connect.Credential{"full": credential, "empty": {}} {
		t.Run("credential/"+name, func(t *testing.T) {
			encoded, err := connect.EncodeCredential(want)
			require.NoError(t, err)
			require.True(t, json.Valid(encoded))
			got, err := connect.DecodeCredential(encoded)
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
	for name, want := range map[string]connect.PendingConnection{"full": pending, "empty": {}} {
		t.Run("pending/"+name, func(t *testing.T) {
			encoded, err := connect.EncodePendingConnection(want)
			require.NoError(t, err)
			require.True(t, json.Valid(encoded))
			got, err := connect.DecodePendingConnection(encoded)
			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
}

func TestEncodingIsStable(t *testing.T) {
	at := func(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }
	credential, err := connect.EncodeCredential(connect.Credential{
		AccessToken: "a", RefreshToken: "r", TokenSecret: "s", TokenExpiry: at(1), Scopes: []gloebit.Scope{"x", "y"},
		Subject: "g", Name: "n", ConnectedAt: at(2), ExpiresAt: at(7_000_000_000),
	})
	require.NoError(t, err)
	require.JSONEq(t, `{"credential":1, "access_token":"YQ==", "refresh_token":"cg==", "token_secret":"cw==",
		"expiry":1000000, "scopes":["eA==","eQ=="], "subject":"Zw==", "name":"bg==", "connected_at":2000000,
		"until":7000000000000000}`, string(credential))
	pending, err := connect.EncodePendingConnection(connect.PendingConnection{
		UserID: "u", Secret: "v", ReturnTo: "t", BrowserHash: "b", Scopes: []gloebit.Scope{"x", "y"},
		RequiredScopes: []gloebit.Scope{"y"}, ExpiresAt: at(3),
	})
	require.NoError(t, err)
	require.JSONEq(t, `{"pending_connection":1, "user_id":"dQ==", "verifier":"dg==", "return_to":"dA==", "binding":"Yg==",
		"scopes":["eA==","eQ=="], "required":["eQ=="], "expires_at":3000000}`, string(pending))
}

func TestEncodedTimesAreInMicroseconds(t *testing.T) {
	encoded, err := connect.EncodeCredential(connect.Credential{TokenExpiry: time.Unix(1, 2_999)})
	require.NoError(t, err)
	got, err := connect.DecodeCredential(encoded)
	require.NoError(t, err)
	require.Equal(t, time.Unix(1, 2_000).UTC(), got.TokenExpiry)

	_, err = connect.EncodeCredential(connect.Credential{ExpiresAt: time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC)})
	require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
	_, err = connect.EncodePendingConnection(connect.PendingConnection{
		ExpiresAt: time.Date(-300_000, 1, 1, 0, 0, 0, 0, time.UTC),
	})
	require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
}

func TestDecodeRejectsInvalidInput(t *testing.T) {
	credential, pending := fullValues()
	encoded, err := connect.EncodeCredential(credential)
	require.NoError(t, err)
	encodedPending, err := connect.EncodePendingConnection(pending)
	require.NoError(t, err)
	for name, c := range map[string]struct{ credential, pending, says string }{
		"nothing":       {"", "", "can't be read"},
		"cut off":       {string(encoded[:len(encoded)-1]), string(encodedPending[:len(encodedPending)-1]), "can't be read"},
		"more after it": {string(encoded) + "{}", string(encodedPending) + "x", "can't be read"},
		"the other one": {string(encodedPending), string(encoded), "can't be read"},
		"no version":    {`{"access_token":"Y2FuYXJ5"}`, `{"verifier":"Y2FuYXJ5"}`, "can't be read"},
		"null":          {"null", "null", "can't be read"},
		"no JSON":       {"canary", "canary", "can't be read"},
		"no base64": {
			`{"credential":1,"access_token":"canary!"}`, `{"pending_connection":1,"verifier":"canary!"}`, "can't be read",
		},
		"a newer version": {
			`{"credential":2,"access_token":"Y2FuYXJ5"}`, `{"pending_connection":2,"verifier":"Y2FuYXJ5"}`, "update the program",
		},
	} {
		t.Run(name, func(t *testing.T) {
			gotCredential, err := connect.DecodeCredential([]byte(c.credential))
			require.ErrorContains(t, err, c.says)
			require.Zero(t, gotCredential)
			gotPending, pendingErr := connect.DecodePendingConnection([]byte(c.pending))
			require.ErrorContains(t, pendingErr, c.says)
			require.Zero(t, gotPending)
			for _, text := range []string{err.Error(), pendingErr.Error()} {
				require.False(t, strings.Contains(text, "canary") || strings.Contains(text, "Y2FuYXJ5"), text)
			}
		})
	}
}

func TestJSONRefusesCredentialsAndStates(t *testing.T) {
	credential, pending := fullValues()
	for name, c := range map[string]struct {
		value, into any
		says        string
	}{
		"a credential":              {credential, &connect.Credential{}, "EncodeCredential"},
		"a pointer to a credential": {&credential, &connect.Credential{}, "EncodeCredential"},
		"a credential in a map": {
			map[string]connect.Credential{"u": credential}, &map[string]connect.Credential{}, "EncodeCredential",
		},
		"a state":              {pending, &connect.PendingConnection{}, "EncodePendingConnection"},
		"a pointer to a state": {&pending, &connect.PendingConnection{}, "EncodePendingConnection"},
	} {
		t.Run(name, func(t *testing.T) {
			encoded, err := json.Marshal(c.value)
			require.ErrorContains(t, err, c.says)
			require.Empty(t, encoded)
			require.ErrorContains(t, json.Unmarshal([]byte(`{"u":{}}`), c.into), c.says)
		})
	}
}
