package storefront_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit/examples/internal/catalogue"
	"github.com/go-gloebit/gloebit/examples/internal/storefront"
	"github.com/go-gloebit/gloebit/examples/internal/views"
)

// notes is a session of one visitor.
type notes map[string]any

func (n notes) Put(_ context.Context, key string, value any) { n[key] = value }

func (n notes) PopString(_ context.Context, key string) string {
	text, _ := n[key].(string)
	delete(n, key)
	return text
}

func newStorefront() *storefront.Storefront {
	return storefront.New(storefront.Config{
		Catalogue: catalogue.New(),
		Sessions:  notes{},
		ConnectURL: func(returnTo string, scopes ...gloebit.Scope) string {
			return "/connect?" + url.Values{"return_to": {returnTo}, "scope": {fmt.Sprint(scopes)}}.Encode()
		},
		AccountURL: "https://gloebit.example/account",
	})
}

func TestEveryErrorPageOffersNextStep(t *testing.T) {
	const connect, retry = "Connect with Gloebit", "Try again"
	for _, c := range []struct {
		err    error
		status int
		title  string
		button string
	}{
		{gloebit.ErrNotConnected, http.StatusUnauthorized, "First, connect with Gloebit", connect},
		{
			fmt.Errorf("%w: %w", gloebit.ErrNotConnected, gloebit.ErrTokenRefused), http.StatusUnauthorized,
			"Gloebit no longer knows this connection", connect,
		},
		{gloebit.ErrAccessDenied, http.StatusForbidden, "No is a fine answer", connect},
		{gloebit.ErrInvalidState, http.StatusBadRequest, "Let’s start that again", connect},
		{gloebit.ErrUserChanged, http.StatusForbidden, "Another user came back", connect},
		{gloebit.ErrTokenExchange, http.StatusBadGateway, "Gloebit did not finish the connection", connect},
		{gloebit.ErrAuthorizationFailed, http.StatusBadGateway, "Gloebit did not finish the connection", connect},
		{
			&gloebit.ScopeError{Missing: []gloebit.Scope{gloebit.ScopeInventory}}, http.StatusForbidden,
			"The shop may not do this yet", "Allow it at Gloebit",
		},
		{gloebit.ErrStore, http.StatusServiceUnavailable, "The shop can’t find its own books", retry},
		{gloebit.ErrUnavailable, http.StatusServiceUnavailable, "Gloebit is not answering", retry},
		{gloebit.ErrRateLimited, http.StatusServiceUnavailable, "Gloebit is not answering", retry},
		{context.DeadlineExceeded, http.StatusGatewayTimeout, "Gloebit is not answering", retry},
		{gloebit.ErrInvalidResponse, http.StatusBadGateway, "Gloebit mumbled", retry},
		{gloebit.ErrCannotSpend, http.StatusForbidden, "Your Gloebit account can’t spend right now", ""},
		{gloebit.ErrCrossOrigin, http.StatusForbidden, "That came from another site", ""},
		{gloebit.ErrRefused, http.StatusBadGateway, "Gloebit said no to this", ""},
		{errors.New("a secret detail"), http.StatusInternalServerError, "Something broke behind the counter", retry},
	} {
		t.Run(c.err.Error(), func(t *testing.T) {
			reply := newStorefront().Trouble(t.Context(), "/things", fmt.Errorf("a secret detail: %w", c.err))
			require.Equal(t, c.status, reply.Status)
			page, ok := reply.Page.(views.Trouble)
			require.True(t, ok)
			require.Equal(t, c.title, page.Title)
			require.NotEmpty(t, page.Words)
			require.NotContains(t, fmt.Sprint(page.Words), "secret")
			if c.button == "" {
				require.Nil(t, page.Act)
				return
			}
			require.Equal(t, c.button, page.Act.Label)
			require.Contains(t, page.Act.URL, "things", "the button leads back to where the visitor was")
		})
	}
}

func TestMissingScopeIsRequested(t *testing.T) {
	reply := newStorefront().Trouble(t.Context(), "/things", &gloebit.ScopeError{
		Missing: []gloebit.Scope{gloebit.ScopeInventory},
	})
	require.Contains(t, reply.Page.(views.Trouble).Act.URL, "inventory")
}

func TestWelcomeNamesDeniedScopes(t *testing.T) {
	front := newStorefront()
	connection := gloebit.Connection{
		User: gloebit.User{ID: "1", Name: "alice"}, Missing: []gloebit.Scope{gloebit.ScopeBalance},
	}
	require.NoError(t, front.Connected(httptest.NewRequest(http.MethodGet, "/", nil), connection))
	reply, err := front.Shelf(t.Context())
	require.NoError(t, err)
	notice := reply.Page.(views.Catalogue).Notice
	require.Equal(t, views.Warn, notice.Tone)
	require.Contains(t, notice.Text, "Welcome, alice.")
	require.Contains(t, notice.Text, "did not allow everything")
}
