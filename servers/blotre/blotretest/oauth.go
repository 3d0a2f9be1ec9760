package blotretest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-gloebit/gloebit/internal/oauthtest"
)

// authorize shows the consent page. Its form posts without the query, so the state
// is lost.
func (s *Server) authorize(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	signedIn, answer := s.base.Consent()
	if signedIn == "" {
		http.Redirect(w, r, "/login?redirect="+url.QueryEscape(r.URL.RequestURI()), http.StatusFound)
		return
	}
	if query.Get("response_type") != "code" {
		page(w, http.StatusOK, "Unsupported response_type")
		return
	}
	c := s.clients[query.Get("client_id")]
	if c == nil || !c.redirectsTo(query.Get("redirect_uri")) {
		page(w, http.StatusNotFound, "Unknown client or redirect uri")
		return
	}
	if answer != "" {
		s.answer(w, r, c, signedIn, query.Get("redirect_uri"), answer)
		return
	}
	fields := url.Values{"response_type": {"code"}, "client_id": {c.id}, "extra_data": {query.Get("redirect_uri")}}
	oauthtest.Form(w, "Authorize "+c.name+"?", "/v0/oauth2/authorize", fields,
		[3]string{"action", "allow", "Allow"}, [3]string{"action", "deny", "Deny"})
}

func (c *client) redirectsTo(uri string) bool {
	return slices.Contains(c.redirects, uri) || len(c.redirects) == 0 && uri == ""
}

// consent handles the form of the consent page, for registered and disposable
// applications.
func (s *Server) consent(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	form := r.PostForm
	signedIn, _ := s.base.Consent()
	c := s.clients[form.Get("client_id")]
	extra := form.Get("extra_data")
	switch {
	case signedIn == "" || c == nil:
		page(w, http.StatusNotFound, "Unknown client")
	case form.Get("response_type") == "disposable" && form.Get("action") == "allow" && s.redeemable(extra, signedIn) == c:
		s.redeem(extra, signedIn)
		http.Redirect(w, r, "/v0/oauth2/redeemSuccessful", http.StatusSeeOther)
	case form.Get("response_type") == "disposable" && form.Get("action") == "deny":
		page(w, http.StatusOK, "Denied")
	case form.Get("response_type") == "code" && c.redirectsTo(extra):
		s.answer(w, r, c, signedIn, extra, form.Get("action"))
	default:
		page(w, http.StatusNotFound, "Unknown client or redirect uri")
	}
}

// answer redirects the browser to the callback.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, c *client, user, redirect, action string) {
	back := url.Values{"state": {""}}
	if action == "allow" {
		code := oauthtest.Text(48)
		s.base.Grants.Remove(func(g *oauthtest.Grant) bool { return g.Client == c.id && g.User == user && g.Code != "" })
		s.base.Grants.Add(&oauthtest.Grant{
			Client: c.id, User: user, RedirectURI: redirect, Code: code, CodeEnds: s.base.Now().Add(CodeLife),
		})
		back.Set("code", code)
	} else {
		back.Set("error", "access_denied")
		back.Set("error_description", "The user denied access")
	}
	http.Redirect(w, r, redirect+"?"+back.Encode(), http.StatusSeeOther)
}

// refuse writes an error of the token endpoint.
func refuse(w http.ResponseWriter, code string) {
	writeJSON(w, http.StatusBadRequest, map[string]string{"error": code, "error_description": ""})
}

// token exchanges a code, a one-time code or a refresh token. The code or token is
// looked up before the secret is checked.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); kind != "application/x-www-form-urlencoded" {
		page(w, http.StatusUnsupportedMediaType, "Expecting a form")
		return
	}
	_ = r.ParseForm()
	form := r.PostForm
	id, secret := form.Get("client_id"), form.Get("client_secret")
	c := s.clients[id]
	good := c != nil && c.secret == secret
	switch grantType := form.Get("grant_type"); {
	case grantType != "authorization_code" && grantType != "refresh_token" && grantType != oneTimeType:
		refuse(w, "unsupported_grant_type")
	case id == "" || secret == "":
		refuse(w, "invalid_grant")
	case grantType == "authorization_code":
		grant := s.base.Grants.WithCode(form.Get("code"))
		switch {
		case grant == nil, grant.Client != id, grant.RedirectURI != form.Get("redirect_uri"):
			refuse(w, "invalid_grant")
		case !good:
			refuse(w, "invalid_client")
		default:
			s.base.Grants.Remove(func(g *oauthtest.Grant) bool { return g == grant })
			s.issue(w, id, grant.User)
		}
	case grantType == "refresh_token":
		grant := s.base.Grants.WithRefresh(form.Get("refresh_token"))
		switch {
		case grant == nil:
			refuse(w, "invalid_grant")
		case grant.Client != id, !good:
			refuse(w, "invalid_client")
		default:
			s.issue(w, id, grant.User)
		}
	default:
		code := s.onetime[form.Get("code")]
		switch {
		case code == nil, code.client != id, !code.redeemed, s.base.Now().After(code.ends):
			refuse(w, "invalid_grant")
		case !good:
			refuse(w, "invalid_client")
		default:
			delete(s.onetime, form.Get("code"))
			s.issue(w, id, c.user)
		}
	}
}

// issue replaces a user's tokens for a client.
func (s *Server) issue(w http.ResponseWriter, clientID, userID string) {
	s.base.Grants.Remove(func(g *oauthtest.Grant) bool {
		return g.Client == clientID && g.User == userID && g.Access != ""
	})
	now := s.base.Now()
	grant := &oauthtest.Grant{
		Client: clientID, User: userID, Access: oauthtest.Text(48), Refresh: oauthtest.Text(48),
		Issued: now, AccessEnds: now.Add(AccessLife), RefreshEnds: now.Add(RefreshLife),
	}
	s.base.Grants.Add(grant)
	writeJSON(w, http.StatusOK, map[string]any{
		"access_token": grant.Access, "token_type": "bearer", "expires_in": int(AccessLife.Seconds()),
		"refresh_token": grant.Refresh, "user": s.userJSON(userID),
	})
}

func (s *Server) userJSON(id string) any {
	u := s.users[id]
	if u == nil {
		return nil
	}
	return map[string]string{"id": u.ID, "userName": u.Name, "rootStream": u.RootStream}
}

// known returns the grant of an access token that has not expired, or of a refresh
// token.
func (s *Server) known(token string) *oauthtest.Grant {
	if grant := s.base.Grants.WithAccess(token); grant != nil && !s.base.Grants.Expired(grant) {
		return grant
	}
	return s.base.Grants.WithRefresh(token)
}

func (s *Server) tokenInfo(w http.ResponseWriter, r *http.Request) {
	grant := s.known(r.URL.Query().Get("token"))
	if grant == nil {
		fail(w, http.StatusNotFound, "No such token", nil)
		return
	}
	left := max(int(grant.AccessEnds.Sub(s.base.Now()).Seconds()), 0)
	writeJSON(w, http.StatusOK, map[string]any{
		"issued": grant.Issued.UnixMilli(), "expires_in": left, "client_id": grant.Client, "user": s.userJSON(grant.User),
	})
}

// revoke is behind a filter that refuses requests that another site's form
// could send.
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if slices.Contains(
		[]string{"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"}, kind,
	) && r.Header.Get("Csrf-Token") != "nocheck" {
		page(w, http.StatusForbidden, "No CSRF token found in headers")
		return
	}
	grant := s.known(r.URL.Query().Get("token"))
	if grant == nil {
		fail(w, http.StatusNotFound, "No such token", nil)
		return
	}
	s.base.Grants.Remove(func(g *oauthtest.Grant) bool { return g == grant })
	w.WriteHeader(http.StatusOK)
}

// disposable registers a disposable application.
func (s *Server) disposable(w http.ResponseWriter, r *http.Request) {
	s.withBody(func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Name, Blurb *string }
		if err := json.Unmarshal(jsonOf(r), &asked); err != nil || asked.Name == nil || asked.Blurb == nil ||
			*asked.Name == "" {
			fail(
				w, http.StatusBadRequest, "Could not process request", map[string]any{"obj.name": []string{"error.path.missing"}},
			)
			return
		}
		made := &client{id: newID(), secret: oauthtest.Text(48), name: *asked.Name, blurb: *asked.Blurb, disposable: true}
		code := oauthtest.Text(8)
		s.clients[made.id] = made
		s.onetime[code] = &onetime{client: made.id, ends: s.base.Now().Add(OneTimeLife)}
		writeJSON(w, http.StatusOK, map[string]any{
			"name": made.name, "blurb": made.blurb, "id": made.id, "secret": made.secret, "code": code,
			"expires_in": int(OneTimeLife.Seconds()),
		})
	})(w, r)
}

func (s *Server) redeemPage(w http.ResponseWriter, _ *http.Request) {
	oauthtest.Form(w, "Redeem a code", "/v0/oauth2/redeem", url.Values{"code": {""}}, [3]string{"", "", "Redeem"})
}

func (s *Server) redeemForm(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	signedIn, _ := s.base.Consent()
	code := r.PostForm.Get("code")
	c := s.redeemable(code, signedIn)
	if signedIn == "" || c == nil {
		http.Redirect(w, r, "/v0/oauth2/redeem", http.StatusSeeOther)
		return
	}
	fields := url.Values{"response_type": {"disposable"}, "client_id": {c.id}, "extra_data": {code}}
	oauthtest.Form(w, "Authorize "+c.name+"?", "/v0/oauth2/authorize", fields,
		[3]string{"action", "allow", "Allow"}, [3]string{"action", "deny", "Deny"})
}

// redeemable returns the client of a code that the user can still redeem, or nil.
func (s *Server) redeemable(code, userID string) *client {
	entry := s.onetime[code]
	if entry == nil || s.base.Now().After(entry.ends) {
		return nil
	}
	if c := s.clients[entry.client]; c.user == "" || c.user == userID {
		return c
	}
	return nil
}

// redeem binds a disposable client to the user.
func (s *Server) redeem(code, userID string) {
	entry := s.onetime[code]
	entry.redeemed, s.clients[entry.client].user = true, userID
}

type jsonKey struct{}

// readBody returns the body. It reports false if the body is not JSON.
func readBody(r *http.Request) ([]byte, bool) {
	body, err := io.ReadAll(r.Body)
	return body, err == nil && json.Valid(bytes.TrimSpace(body))
}

func withJSON(r *http.Request, body []byte) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), jsonKey{}, body))
}

func jsonOf(r *http.Request) []byte {
	body, _ := r.Context().Value(jsonKey{}).([]byte)
	return body
}
