package gloebit_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/stretchr/testify/require"
)

func TestDisconnect(t *testing.T) {
	connected := func(t *testing.T) (*world, *browser) {
		w := newWorld(t, func(_ *world, c *gloebit.Config) { c.User = headerUser })
		b := w.browser("ann")
		b.get("/private")
		require.Equal(t, "connected", b.get("/optional").body)
		return w, b
	}
	t.Run("the credential is gone", func(t *testing.T) {
		w, b := connected(t)
		cookies := b.cookies()
		require.NoError(t, w.merchant.Disconnect(t.Context(), "id of ann"))
		require.Zero(t, w.tokens.Len())
		require.Equal(t, "not connected", b.get("/optional").body)
		require.Equal(t, cookies, b.cookies(), "the session stays")
		require.Contains(t, w.log.String(), `msg="gloebit: disconnected" user="id of ann"`)
		_, err := w.merchant.Client(t.Context(), "id of ann")
		require.ErrorIs(t, err, gloebit.ErrNotConnected)
		require.NoError(t, w.merchant.Disconnect(t.Context(), "id of ann"), "again is no error")
	})
	t.Run("other users stay", func(t *testing.T) {
		w, b := connected(t)
		require.NoError(t, w.merchant.Disconnect(t.Context(), "id of bob"))
		require.Equal(t, "connected", b.get("/optional").body)
	})
	t.Run("the store is down", func(t *testing.T) {
		w, b := connected(t)
		w.tokens.fail(errDown)
		err := w.merchant.Disconnect(t.Context(), "id of ann")
		require.ErrorIs(t, err, gloebit.ErrStore)
		require.ErrorIs(t, err, errDown)
		w.tokens.fail(nil)
		require.Equal(t, "connected", b.get("/optional").body)
		require.NotContains(t, w.log.String(), "gloebit: disconnected")
	})
	for name, id := range map[string]string{"no id": "", "a long id": strings.Repeat("x", 256)} {
		t.Run(name, func(t *testing.T) {
			w, _ := connected(t)
			err := w.merchant.Disconnect(t.Context(), id)
			require.ErrorIs(t, err, gloebit.ErrInvalidRequest)
			require.NotErrorIs(t, err, gloebit.ErrStore)
		})
	}
}

func TestDisconnectAllowsConfiguredOriginBehindProxy(t *testing.T) {
	config := validConfig()
	merchant, err := gloebit.New(config)
	require.NoError(t, err)
	recorder := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "http://10.0.0.1:8080/gloebit/disconnect", nil)
	r.Header.Set("Origin", "https://shop.example")
	merchant.DisconnectHandler().ServeHTTP(recorder, r)
	require.Equal(t, http.StatusSeeOther, recorder.Code)
}
