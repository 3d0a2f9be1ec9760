package gloebittest

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// signed is a request signed with OAuth 1.0a (RFC 5849, section 3). Its
// parameters come from the Authorization header, the query and a form.
type signed struct {
	method, uri string
	protocol    map[string]string // the oauth_ parameters
	other       url.Values        // the other signed parameters
}

// isSigned reports whether a request is signed instead of having a bearer
// token.
func isSigned(r *http.Request, body []byte) bool {
	if header := r.Header.Get("Authorization"); header != "" {
		scheme, _, _ := strings.Cut(header, " ")
		return strings.EqualFold(scheme, "OAuth")
	}
	if r.URL.Query().Has("oauth_signature") {
		return true
	}
	form, err := url.ParseQuery(string(body))
	return err == nil && isForm(r) && form.Has("oauth_signature")
}

// isForm reports whether the body's content type is a form, as the signature
// requires (RFC 5849, section 3.4.1.3.1).
func isForm(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == formType
}

// readSigned reads a signed request. The problem is a value of OAuth's problem
// reporting extension.
func readSigned(r *http.Request, body []byte) (s signed, problem string) {
	s = signed{method: r.Method, uri: baseURI(r), protocol: make(map[string]string), other: make(url.Values)}
	sources := make([]url.Values, 0, 3)
	scheme, credentials, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "OAuth") {
		header, ok := parseOAuthHeader(credentials)
		if !ok {
			return s, "parameter_rejected"
		}
		sources = append(sources, header)
	}
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return s, "parameter_rejected"
	}
	sources = append(sources, query)
	if isForm(r) {
		form, err := url.ParseQuery(string(body))
		if err != nil {
			return s, "parameter_rejected"
		}
		sources = append(sources, form)
	}
	for _, source := range sources {
		if !s.add(source) {
			return s, "parameter_rejected"
		}
	}
	return s, s.check()
}

// add adds parameters. It reports false if a protocol parameter is repeated.
func (s *signed) add(source url.Values) bool {
	for name, values := range source {
		if !strings.HasPrefix(name, "oauth_") {
			s.other[name] = append(s.other[name], values...)
			continue
		}
		if _, twice := s.protocol[name]; twice || len(values) > 1 {
			return false
		}
		s.protocol[name] = values[0]
	}
	return true
}

// check returns the problem of a request that can't be verified, whatever its
// secrets.
func (s *signed) check() (problem string) {
	for _, name := range []string{"consumer_key", "signature_method", "signature", "timestamp", "nonce"} {
		if s.protocol["oauth_"+name] == "" {
			return "parameter_absent"
		}
	}
	version, sent := s.protocol["oauth_version"]
	switch {
	case sent && version != "1.0":
		return "version_rejected"
	case s.protocol["oauth_signature_method"] != "HMAC-SHA1":
		return "signature_method_rejected"
	case !isDigits(s.protocol["oauth_timestamp"]):
		return "parameter_rejected"
	}
	return ""
}

// fits reports whether the signature was made with the secrets (RFC 5849,
// section 3.4.2).
func (s *signed) fits(applicationSecret, tokenSecret string) bool {
	mac := hmac.New(sha1.New, []byte(percentEncode(applicationSecret)+"&"+percentEncode(tokenSecret)))
	_, _ = mac.Write([]byte(s.base()))
	return equalSecrets(base64.StdEncoding.EncodeToString(mac.Sum(nil)), s.protocol["oauth_signature"])
}

// base is the signature base string (RFC 5849, section 3.4.1.1).
func (s *signed) base() string {
	var pairs [][2]string
	for name, value := range s.protocol {
		if name != "oauth_signature" {
			pairs = append(pairs, [2]string{percentEncode(name), percentEncode(value)})
		}
	}
	for name, values := range s.other {
		for _, value := range values {
			pairs = append(pairs, [2]string{percentEncode(name), percentEncode(value)})
		}
	}
	slices.SortFunc(pairs, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	encoded := make([]string, len(pairs))
	for i, pair := range pairs {
		encoded[i] = pair[0] + "=" + pair[1]
	}
	return strings.ToUpper(s.method) + "&" + percentEncode(s.uri) + "&" + percentEncode(strings.Join(encoded, "&"))
}

// baseURI is the base string URI (RFC 5849, section 3.4.1.2): the host in lower
// case, without the scheme's default port and the query. It trusts
// X-Forwarded-Proto.
func baseURI(r *http.Request) string {
	scheme, port := "http", ":80"
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		scheme, port = "https", ":443"
	}
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	return scheme + "://" + strings.TrimSuffix(strings.ToLower(r.Host), port) + path
}

// parseOAuthHeader parses the credentials of an OAuth Authorization header (RFC
// 5849, section 3.5.1), without the realm, which is not signed.
func parseOAuthHeader(credentials string) (url.Values, bool) {
	values := make(url.Values)
	rest := strings.TrimSpace(credentials)
	for rest != "" {
		name, after, ok := strings.Cut(rest, `="`)
		if !ok {
			return nil, false
		}
		value, after, ok := strings.Cut(after, `"`)
		if !ok {
			return nil, false
		}
		if name != "realm" {
			name, nameErr := url.PathUnescape(name)
			value, valueErr := url.PathUnescape(value)
			if nameErr != nil || valueErr != nil || strings.ContainsAny(name, " \t,\"") {
				return nil, false
			}
			values.Add(name, value)
		}
		rest = strings.TrimSpace(after)
		if rest == "" {
			break
		}
		if rest, ok = strings.CutPrefix(rest, ","); !ok {
			return nil, false
		}
		rest = strings.TrimSpace(rest)
	}
	return values, true
}

// percentEncode escapes every byte but letters, digits and "-._~" (RFC 5849,
// section 3.6).
func percentEncode(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return b.String()
}

// checkSigned verifies a request's signature and uses its nonce. The caller
// holds g.mu.
func (g *Gloebit) checkSigned(s signed, applicationSecret, tokenSecret string) (problem string) {
	if !s.fits(applicationSecret, tokenSecret) {
		return "signature_invalid"
	}
	return g.nonces.use(g.now(), s.protocol["oauth_timestamp"],
		nonce{s.protocol["oauth_consumer_key"], s.protocol["oauth_token"], s.protocol["oauth_nonce"]})
}

// answerSigned serves a signed request to an OAuth 1.0a endpoint: it calls work
// with the lock held and writes the answer as a form.
func (g *Gloebit) answerSigned(w http.ResponseWriter, r *http.Request, work func(signed) (url.Values, string)) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		writeForm(w, http.StatusBadRequest, url.Values{"oauth_problem": {"parameter_rejected"}})
		return
	}
	s, problem := readSigned(r, body)
	var answer url.Values
	if problem == "" {
		g.mu.Lock()
		answer, problem = work(s)
		g.mu.Unlock()
	}
	if problem != "" {
		writeProblem(w, problem)
		return
	}
	writeForm(w, http.StatusOK, answer)
}

// oauthChallenge is the WWW-Authenticate challenge for OAuth 1.0a.
const oauthChallenge = `OAuth realm="Gloebit"`

// writeProblem refuses a signed request.
func writeProblem(w http.ResponseWriter, problem string) {
	w.Header().Set("WWW-Authenticate", oauthChallenge)
	writeForm(w, http.StatusUnauthorized, url.Values{"oauth_problem": {problem}})
}

func writeForm(w http.ResponseWriter, status int, values url.Values) {
	body := values.Encode()
	header := w.Header()
	header.Set("Content-Type", formType)
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// authenticateSigned sets the token of a signed call. It returns a reason of
// the API if the application or token is refused, and an OAuth problem if the
// signature is.
func (g *Gloebit) authenticateSigned(c *call) (reason, problem string) {
	s, problem := readSigned(c.request, c.body)
	if problem != "" {
		return "", problem
	}
	app := g.application(s.protocol["oauth_consumer_key"])
	if app == nil {
		return "unknown consumer", ""
	}
	t := g.tokens[digestOf(s.protocol["oauth_token"])]
	if t == nil || t.Secret == "" || t.Application != app.Key {
		return "unknown token", ""
	}
	if problem := g.checkSigned(s, app.Secret, t.Secret); problem != "" {
		return "", problem
	}
	if t.expired(g.now()) {
		return "token has expired", ""
	}
	c.token = t
	return "", ""
}
