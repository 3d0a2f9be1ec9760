package ultracarttest

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/internal/oauthtest"
)

// device is a device that requests authorization.
type device struct {
	application, code, userCode, scope string
	embedded                           bool
	ends, asked                        time.Time
	answer                             string // allow, deny or empty
	user                               string
}

// AnswerDevice makes the user allow or deny the device with the user code. It
// reports whether there is one.
func (s *Server) AnswerDevice(userCode, user string, allow bool) (found bool) {
	s.Do(func() {
		for _, d := range s.devices {
			if d.userCode == userCode && !s.Now().After(d.ends) {
				found, d.user, d.answer = true, user, map[bool]string{true: "allow", false: "deny"}[allow]
			}
		}
	})
	return found
}

func (s *Server) authorizeDevice(w http.ResponseWriter, r *http.Request) {
	form, ok := s.form(w, r)
	if !ok {
		return
	}
	embedded := strings.HasPrefix(r.URL.Path, embed)
	scope := form.Get("scope")
	if scope == "" || embedded != (scope == "crm_embed") {
		s.refuseToken(w, "invalid_scope", "The scope is missing, or of the other endpoint.")
		return
	}
	d := &device{
		application: form.Get("client_id"), code: oauthtest.Text(tokenLength), userCode: oauthtest.Text(8),
		scope: scope, embedded: embedded, ends: s.Now().Add(deviceLife), asked: s.Now(),
	}
	s.devices = append(s.devices, d)
	verify := "http://" + r.Host + base + "/device"
	object(w, http.StatusOK, map[string]any{
		"device_code": d.code, "user_code": d.userCode, "verification_uri": verify,
		"verification_uri_complete": verify + "?user_code=" + d.userCode,
		"expires_in":                int(deviceLife / time.Second), "interval": interval,
	})
}

// deviceToken answers a polling device.
func (s *Server) deviceToken(w http.ResponseWriter, client, code string, embedded bool) {
	i := slices.IndexFunc(s.devices, func(d *device) bool {
		return d.code == code && d.application == client && d.embedded == embedded
	})
	if i < 0 {
		s.refuseToken(w, "invalid_grant", "The device code is not known.")
		return
	}
	d := s.devices[i]
	tooFast := s.Now().Sub(d.asked) < interval*time.Second
	d.asked = s.Now()
	switch {
	case s.Now().After(d.ends):
		s.refuseToken(w, "expired_token", "The device code has expired.")
	case d.answer == "deny":
		s.refuseToken(w, "access_denied", "The user said no.")
	case tooFast:
		s.refuseToken(w, "slow_down", "Poll more slowly.")
	case d.answer == "":
		s.refuseToken(w, "authorization_pending", "The user has not answered yet.")
	default:
		s.devices = slices.Delete(s.devices, i, i+1)
		grant := &oauthtest.Grant{Client: client, User: d.user, Scope: d.scope, Refresh: oauthtest.Text(tokenLength)}
		s.Grants.Add(grant)
		s.issue(w, grant, grant.Refresh)
	}
}
