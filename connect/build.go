package connect

import (
	"log/slog"
	"net/http"
	"net/url"
	"time"
)

// Base holds what a package with its own client, such as package gloebit, needs
// from a Connector to send requests.
type Base struct {
	HTTPClient *http.Client // with a Timeout; follows no redirect
	UserAgent  string
	Logger     *slog.Logger     // never nil
	Clock      func() time.Time // never nil
	Redirect   *url.URL         // Config.RedirectURL; not to be changed
	HomePath   string
}

// Base returns the settings with which requests are sent.
func (c *Connector) Base() Base {
	return Base{
		HTTPClient: c.http, UserAgent: c.userAgent, Logger: c.log, Clock: c.clock, Redirect: c.redirect, HomePath: c.homePath,
	}
}

// Authorize adds the credential to an API request.
func (c *Connector) Authorize(req *http.Request, credential Credential) error {
	return c.protocol.Authorize(c.application, req, credential)
}
