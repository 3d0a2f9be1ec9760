package sealed_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/stores/sealed"
	"github.com/stretchr/testify/require"
)

func TestWrongOrUnknownKeyIsNamed(t *testing.T) {
	inner := &connect.MemoryTokenStore{}
	save(t, newStore(t, inner, keyOf("old", 1)), "u", canary)
	wantUnopened(t, newStore(t, inner, keyOf("new", 2)), at("u"), sealed.ErrUnknownKey, `"old"`)
	wantUnopened(t, newStore(t, inner, keyOf("old", 2)), at("u"), sealed.ErrNotOpened, `"old"`)
	wantUnopened(t, newStore(t, inner, keyOf("new", 1)), at("u"), sealed.ErrUnknownKey, `"old"`)
	require.Equal(
		t, canary, load(t, newStore(t, inner, keyOf("old", 1)), "u"), "a store that can't open it changes nothing",
	)
}

func TestUnopenedCredentialCanBeReplaced(t *testing.T) {
	inner := &connect.MemoryTokenStore{}
	save(t, newStore(t, inner, keyOf("lost", 1)), "u", canary)
	store := newStore(t, inner, keyOf("new", 2))
	require.NoError(t, store.Delete(t.Context(), at("u")))
	_, err := store.Load(t.Context(), at("u"))
	require.ErrorIs(t, err, connect.ErrNotFound)
	save(t, store, "u", canary)
	require.Equal(t, canary, load(t, store, "u"))
}

func TestSecurity25SealBindsUserFieldAndKey(t *testing.T) {
	one, two := keyOf("one", 1), keyOf("two", 2)
	for name, test := range map[string]struct {
		to     connect.Key // where the stored credential is moved
		keys   []sealed.Key
		change func(c *connect.Credential)
		want   error
		keyID  string
	}{
		"another user": {
			at("other"), []sealed.Key{one}, func(*connect.Credential) {}, sealed.ErrNotOpened, `"one"`,
		},
		"a user of another case": {
			at("U"), []sealed.Key{one}, func(*connect.Credential) {}, sealed.ErrNotOpened, `"one"`,
		},
		"the token secret as access token": {
			at("u"), []sealed.Key{one}, func(c *connect.Credential) { c.AccessToken = c.TokenSecret }, sealed.ErrNotOpened,
			"AccessToken",
		},
		"the refresh token as access token": {
			at("u"), []sealed.Key{one}, func(c *connect.Credential) { c.AccessToken = c.RefreshToken }, sealed.ErrNotOpened,
			"AccessToken",
		},
		"the access token as refresh token": {
			at("u"), []sealed.Key{one}, func(c *connect.Credential) { c.RefreshToken = c.AccessToken }, sealed.ErrNotOpened,
			"RefreshToken",
		},
		"the access token as token secret": {
			at("u"), []sealed.Key{one}, func(c *connect.Credential) { c.TokenSecret = c.AccessToken }, sealed.ErrNotOpened,
			"TokenSecret",
		},
		"another key id of another key": {
			at("u"), []sealed.Key{one, two}, rename("one", "two"), sealed.ErrNotOpened, `"two"`,
		},
		"another key id of the same key": {
			at("u"), []sealed.Key{one, keyOf("two", 1)}, rename("one", "two"), sealed.ErrNotOpened, `"two"`,
		},
		"another realm": {
			connect.Key{Realm: "sandbox.gloebit.com/shop", ID: "u"}, []sealed.Key{one}, func(*connect.Credential) {},
			sealed.ErrNotOpened, `"one"`,
		},
		"a realm that ends in the user's id": {
			connect.Key{Realm: realm[:len(realm)-1], ID: realm[len(realm)-1:] + "u"}, []sealed.Key{one},
			func(*connect.Credential) {}, sealed.ErrNotOpened, `"one"`,
		},
		"a key id that ends in the realm": {
			connect.Key{Realm: "e" + realm, ID: "u"}, []sealed.Key{keyOf("on", 1)}, rename("one", "on"), sealed.ErrNotOpened,
			`"on"`,
		},
		"one bit changed": {
			at("u"), []sealed.Key{one}, func(c *connect.Credential) { c.AccessToken = flip(c.AccessToken) },
			sealed.ErrNotOpened, `"one"`,
		},
		"cut off": {
			at("u"), []sealed.Key{one}, func(c *connect.Credential) { c.AccessToken = c.AccessToken[:len(c.AccessToken)-4] },
			sealed.ErrNotOpened, `"one"`,
		},
		"nothing after the key id": {
			at("u"), []sealed.Key{one}, func(c *connect.Credential) { c.AccessToken = "sealed:v1:one:" }, sealed.ErrNotOpened,
			`"one"`,
		},
		"not base64": {
			at("u"), []sealed.Key{one}, func(c *connect.Credential) { c.AccessToken = "sealed:v1:one:!" }, sealed.ErrNotOpened,
			`"one"`,
		},
		"no key id": {
			at("u"), []sealed.Key{one}, func(c *connect.Credential) { c.AccessToken = "sealed:v1:" }, sealed.ErrNotSealed,
			"AccessToken",
		},
		"a later version": {
			at("u"), []sealed.Key{one}, func(c *connect.Credential) { c.AccessToken = "sealed:v2:one:AAAA" },
			sealed.ErrNotSealed, "AccessToken",
		},
		"plain": {
			at("u"), []sealed.Key{one}, func(c *connect.Credential) { c.AccessToken = "planted" }, sealed.ErrNotSealed,
			"AccessToken",
		},
		"a plain refresh token": {
			at("u"), []sealed.Key{one}, func(c *connect.Credential) { c.RefreshToken = "planted" }, sealed.ErrNotSealed,
			"RefreshToken",
		},
		"an empty access token": {
			at("u"), []sealed.Key{one}, func(c *connect.Credential) { c.AccessToken = "" }, sealed.ErrNotSealed, "AccessToken",
		},
		"nothing at all": {
			at("u"), []sealed.Key{one}, func(c *connect.Credential) { *c = connect.Credential{} }, sealed.ErrNotSealed,
			"AccessToken",
		},
	} {
		t.Run(name, func(t *testing.T) {
			inner := &connect.MemoryTokenStore{}
			save(t, newStore(t, inner, one), "u", canary)
			moved := load(t, inner, "u")
			test.change(&moved)
			require.NoError(
				t,
				inner.Update(
					t.Context(), test.to,
					func(context.Context, *connect.Credential) (*connect.Credential, error) { return &moved, nil },
				),
			)
			wantUnopened(t, newStore(t, inner, test.keys...), test.to, test.want, test.keyID)
		})
	}
}

// rename makes sealed values name another key.
func rename(from, to string) func(*connect.Credential) {
	return func(c *connect.Credential) {
		for _, value := range []*connect.Secret{&c.AccessToken, &c.RefreshToken, &c.TokenSecret} {
			*value = connect.Secret(strings.Replace(value.Reveal(), ":"+from+":", ":"+to+":", 1))
		}
	}
}

// flip changes one bit in the middle of the base64.
func flip(value connect.Secret) connect.Secret {
	b := []byte(value)
	at := len(b) - 10
	if b[at] == 'A' {
		b[at] = 'B'
	} else {
		b[at] = 'A'
	}
	return connect.Secret(b)
}

func TestPlainCredentialsAreAcceptedOnlyInMigration(t *testing.T) {
	inner := &connect.MemoryTokenStore{}
	save(t, inner, "u", canary)
	key := keyOf("k", 1)
	wantUnopened(t, newStore(t, inner, key), at("u"), sealed.ErrNotSealed, "AccessToken")

	moving, err := sealed.NewInsecureAcceptPlain(inner, key)
	require.NoError(t, err)
	require.Equal(t, canary, load(t, moving, "u"))
	require.NoError(t, moving.Update(t.Context(), at("u"), func(
		_ context.Context, current *connect.Credential,
	) (*connect.Credential, error) {
		require.Equal(t, canary, *current)
		return current, nil
	}))
	require.Equal(t, canary, load(t, newStore(t, inner, key), "u"), "the save has sealed it")
	wantUnopened(t, newStore(t, inner, keyOf("k", 2)), at("u"), sealed.ErrNotOpened, `"k"`)
}

func TestAcceptingPlainAcceptsNothingElse(t *testing.T) {
	inner := &connect.MemoryTokenStore{}
	save(t, newStore(t, inner, keyOf("lost", 1)), "u", canary)
	moving, err := sealed.NewInsecureAcceptPlain(inner, keyOf("k", 1))
	require.NoError(t, err)
	wantUnopened(t, moving, at("u"), sealed.ErrUnknownKey, `"lost"`)
	_, err = sealed.NewInsecureAcceptPlain(inner)
	require.Error(t, err)
}

func TestInnerStoreErrorsAreReturned(t *testing.T) {
	down := errors.New("the database is down")
	store := newStore(t, failing{err: down}, keyOf("k", 1))
	_, err := store.Load(t.Context(), at("u"))
	require.ErrorIs(t, err, down)
	require.ErrorIs(t, store.Delete(t.Context(), at("u")), down)
	require.ErrorIs(t, store.Update(t.Context(), at("u"), nil), down)
	n, err := store.Reseal(t.Context(), realm)
	require.Zero(t, n)
	require.ErrorIs(t, err, sealed.ErrNoList)
}

// failing is a TokenStore whose database is down, and that can't list.
type failing struct{ err error }

func (f failing) Load(context.Context, connect.Key) (connect.Credential, error) {
	return connect.Credential{}, f.err
}
func (f failing) Delete(context.Context, connect.Key) error { return f.err }
func (f failing) Update(
	context.Context, connect.Key, func(context.Context, *connect.Credential) (*connect.Credential, error),
) error {
	return f.err
}
