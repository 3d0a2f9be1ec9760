package connect

import (
	"errors"
	"fmt"
	"net/url"
)

// parseSignIn reads Config.SignInURL. It returns nil for an empty one.
func parseSignIn(raw string) (*url.URL, error) {
	if raw == "" {
		return nil, nil
	}
	if raw[0] != '/' {
		return CheckEndpoint(raw)
	}
	if _, err := CheckReturnTo(raw); err != nil {
		return nil, fmt.Errorf("%q is neither a local path nor an absolute URL", raw)
	}
	return url.Parse(raw)
}

// leadsToSignIn reports whether signing in to the application resolves the
// error.
func (c *Connector) leadsToSignIn(err error) bool {
	return c.signIn != nil && errors.Is(err, ErrNoUser) && !errors.Is(err, ErrStore)
}

// signInURL returns Config.SignInURL with the page to return to. After a failed
// connection, that is the page that the user requested first.
func (c *Connector) signInURL(err error, returnTo string) string {
	var failed *ConnectError
	if errors.As(err, &failed) {
		returnTo = failed.ReturnTo
	}
	to := *c.signIn
	if returnTo == "" {
		return to.String()
	}
	if to.Host != "" && to.Host != c.redirect.Host {
		returnTo = c.redirect.Scheme + "://" + c.redirect.Host + returnTo
	}
	query := to.Query()
	query.Set("return_to", returnTo)
	to.RawQuery = query.Encode()
	return to.String()
}
