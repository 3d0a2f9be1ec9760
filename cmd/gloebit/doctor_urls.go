package main

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// get loads a page as a browser's navigation does, without cookies. The error
// also reports problems with its certificate and its cookies.
func (e *examination) get(ctx context.Context, target string) (resp *http.Response, body string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, "", err
	}
	for name, value := range map[string]string{
		"Accept": "text/html", "User-Agent": "gloebit doctor",
		"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none",
	} {
		request.Header.Set(name, value)
	}
	client := http.Client{
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err = client.Do(request)
	if errors.Is(err, context.DeadlineExceeded) {
		return nil, "", fmt.Errorf("%s does not answer within %v", target, e.timeout)
	}
	if errors.As(err, new(x509.UnknownAuthorityError)) {
		return nil, "", fmt.Errorf("%w: for a certificate of your own, set SSL_CERT_FILE to its issuer's file", err)
	}
	if err != nil {
		return nil, "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	problems := []error{err}
	if resp.TLS != nil {
		if left := resp.TLS.PeerCertificates[0].NotAfter.Sub(e.now()); left < 14*24*time.Hour {
			problems = append(problems, fmt.Errorf("the certificate expires in %v", left.Round(time.Hour)))
		}
	}
	for _, cookie := range resp.Cookies() {
		if !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || request.URL.Scheme == "https" && !cookie.Secure {
			problems = append(
				problems, fmt.Errorf("the cookie %q is not HttpOnly, SameSite=Lax and, under https, Secure", cookie.Name),
			)
		}
	}
	return resp, string(text), errors.Join(problems...)
}

const noRedirectURL = skipped("not set: GLOEBIT_REDIRECT_URL or --config")

// redirectURL checks that the callback handler rejects a request without a
// state.
func (e *examination) redirectURL(ctx context.Context) (string, error) {
	target := e.config.RedirectURL
	if target == "" {
		return "", noRedirectURL
	}
	resp, _, err := e.get(ctx, target)
	if err == nil && resp.StatusCode != http.StatusBadRequest {
		err = fmt.Errorf("%s answers %s, but the callback handler answers 400 without a state", target, resp.Status)
	}
	return target + " is answered by the callback handler", err
}

// connectURL checks that the connect handler redirects to the server, with this
// client ID and redirect URL.
func (e *examination) connectURL(ctx context.Context) (string, error) {
	redirect, err := url.Parse(e.config.RedirectURL)
	switch {
	case e.config.RedirectURL == "":
		return "", noRedirectURL
	case err != nil || e.config.Provider.AuthURL == "":
		return "", skipped("settings failed")
	}
	target := redirect.ResolveReference(&url.URL{Path: "connect"}).String() // as in Merchant.Paths
	resp, _, err := e.get(ctx, target)
	if err != nil {
		return "", err
	}
	if resp.StatusCode >= http.StatusBadRequest && resp.StatusCode != http.StatusUnauthorized {
		return "", fmt.Errorf("%s answers %s, but the connect handler redirects to Gloebit", target, resp.Status)
	}
	to, err := resp.Location()
	switch {
	case err == nil && strings.HasPrefix(to.String(), e.config.Provider.AuthURL):
	case err == nil && to.Query().Get("redirect_uri") == e.config.RedirectURL:
		return "", fmt.Errorf("%s leads to %s, not to %s: set GLOEBIT_SERVER to the shop's server",
			target, to.Host, e.config.Provider.AuthURL)
	default:
		return "", skipped(fmt.Sprintf("%s answers %s and does not lead to %s, perhaps because it requires a sign-in: "+
			"sign in with a browser and open it; the address of Gloebit's page must have %s as client_id",
			target, resp.Status, e.config.Provider.AuthURL, cmp.Or(e.config.ClientID, "the client ID")))
	}
	for name, want := range map[string]string{"client_id": e.config.ClientID, "redirect_uri": e.config.RedirectURL} {
		if have := to.Query().Get(name); want != "" && have != want {
			return "", fmt.Errorf("%s leads to Gloebit with the %s %q, not %q", target, name, have, want)
		}
	}
	return target + " leads to " + e.config.Provider.AuthURL + " with the client ID " + to.Query().Get("client_id"), nil
}

// callbackURL checks that the ledger's handler rejects an unsigned request,
// with its own message.
func (e *examination) callbackURL(ctx context.Context) (string, error) {
	if err := e.has("GLOEBIT_CALLBACK_URL"); err != nil {
		return "", err
	}
	target := e.getenv("GLOEBIT_CALLBACK_URL")
	resp, body, err := e.get(ctx, strings.TrimSuffix(target, "/")+"/doctor")
	if err == nil && (resp.StatusCode != http.StatusNotFound ||
		strings.TrimSpace(body) != http.StatusText(http.StatusNotFound)) {
		err = fmt.Errorf("%s answers %s, but not as the ledger's handler does", target, resp.Status)
	}
	return target + " is answered by the ledger's handler", err
}
