package gloebittest

import (
	"cmp"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// call is an API request with a valid token.
type call struct {
	request *http.Request
	body    []byte
	args    []string // decoded path segments after the route's name
	token   *token
	app     *Application
	user    *account
	signed  bool   // with OAuth 1.0a instead of a bearer token
	problem string // the oauth_problem of a refused signature
	// afterwards, if not nil, runs without the lock before the response is
	// sent.
	afterwards func()
}

// serveAPI checks the token and its scope, runs the route's function with the
// lock held and writes the response.
func (g *Gloebit) serveAPI(w http.ResponseWriter, r *http.Request, rt route, args []string) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		writeJSON(w, http.StatusBadRequest, failure("the request's body broke off"))
		return
	}
	c := &call{request: r, body: body, args: args}
	answer, challenged := g.work(rt, c)
	if c.problem != "" {
		writeProblem(w, c.problem)
		return
	}
	if c.afterwards != nil {
		c.afterwards()
	}
	status := http.StatusOK
	if challenged && g.cfg.Challenge {
		status = http.StatusUnauthorized
		challenge := `Bearer error="invalid_token", error_description=` + strconv.Quote(answer["reason"].(string))
		if c.signed {
			challenge = oauthChallenge
		}
		w.Header().Set("WWW-Authenticate", challenge)
	}
	writeJSON(w, status, answer)
}

// work answers an API request atomically. challenged reports whether the token
// was refused.
func (g *Gloebit) work(rt route, c *call) (answer reply, challenged bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if reason := g.authenticate(c); reason != "" {
		switch {
		case reason != reasonUnknownToken:
		case g.cfg.Strict:
			reason = "unknown token"
		case rt.unknown != "":
			reason = rt.unknown
		}
		return failure(reason), true
	}
	if c.app = g.application(c.token.Application); c.app == nil {
		return failure("unknown consumer"), false
	}
	if c.user = g.userByID(c.token.User); c.user == nil {
		return failure("unknown user"), false
	}
	if rt.scope != "" && !hasScope(c.token.Scopes, rt.scope) {
		return failure("missing domain"), false
	}
	if rt.keys != nil {
		if reason := c.checkKeys(rt.keys); reason != "" {
			return failure(reason), false
		}
	}
	if c.request.Method != http.MethodGet {
		g.revision++
	}
	return rt.api(g, c), false
}

// reasonUnknownToken is the reason for an unknown or revoked token. The
// published Python clients recognize no other text.
const reasonUnknownToken = "unknown token2"

// authenticate sets c.token or returns the reason why the token is refused. The
// scheme is case-insensitive (RFC 9110, section 11.1).
func (g *Gloebit) authenticate(c *call) (reason string) {
	if g.cfg.APIVersion.takes(VersionA) && isSigned(c.request, c.body) {
		c.signed = true
		reason, c.problem = g.authenticateSigned(c)
		return cmp.Or(reason, c.problem)
	}
	scheme, credentials, _ := strings.Cut(c.request.Header.Get("Authorization"), " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
	case g.cfg.APIVersion == VersionA && credentials == "": // in the document, the whole value is the token
		credentials = scheme
	default:
		return reasonUnknownToken
	}
	t := g.tokens[digestOf(strings.TrimSpace(credentials))]
	if t == nil || t.Secret != "" {
		return reasonUnknownToken
	}
	if t.expired(g.now()) {
		return "token has expired"
	}
	c.token = t
	return ""
}

// noOp serves no-op, which succeeds with any valid token.
func (g *Gloebit) noOp(*call) reply { return success() }

// id serves version A's id.
func (g *Gloebit) id(c *call) reply {
	answer := success()
	answer["id"], answer["name"], answer["params"] = c.user.id, c.user.name, c.user.params
	if g.cfg.Strict {
		delete(answer, "reason") // the document has no reason here
	}
	return answer
}

// userInfo serves version B's user. Published clients read full-name.
func (g *Gloebit) userInfo(c *call) reply {
	answer := success()
	answer["id"], answer["full-name"] = c.user.id, c.user.name
	if !g.cfg.OldForms {
		answer["name"] = c.user.name
	}
	return answer
}

// balance serves balance.
func (g *Gloebit) balance(c *call) reply {
	answer := success()
	answer["balance"] = c.user.jsonBalance()
	return answer
}

// jsonBalance is the exact balance as a JSON number.
func (a *account) jsonBalance() json.Number { return json.Number(formatDecimal(a.balance)) }
