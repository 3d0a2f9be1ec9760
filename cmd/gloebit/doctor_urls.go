package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// get loads a page as a browser's navigation does, without cookies. The error
// also says what is wrong with its certificate and the cookies that it sets.
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

// redirectURL checks that the callback handler refuses a visit without a state.
func (e *examination) redirectURL(ctx context.Context) (string, error) {
	target := e.config.RedirectURL
	if target == "" {
		return "", skipped("GLOEBIT_REDIRECT_URL is not set, nor --config")
	}
	resp, _, err := e.get(ctx, target)
	if err == nil && resp.StatusCode != http.StatusBadRequest {
		err = fmt.Errorf("%s answers %s, but the callback handler answers 400 without a state", target, resp.Status)
	}
	return target + " is answered by the callback handler", err
}

// connectURL checks that the connect handler leads to the server, with this
// client and redirect URL.
func (e *examination) connectURL(ctx context.Context) (string, error) {
	redirect, err := url.Parse(e.config.RedirectURL)
	if err != nil || e.config.RedirectURL == "" {
		return "", skipped("there is no redirect URL beside which it is")
	}
	path, _, _ := e.merchant.Paths()
	target := redirect.ResolveReference(&url.URL{Path: path}).String()
	resp, _, err := e.get(ctx, target)
	if err != nil {
		return "", err
	}
	to, err := resp.Location()
	if err != nil || !strings.HasPrefix(to.String(), e.config.Provider.AuthURL) {
		return "", skipped(fmt.Sprintf(
			"%s answers %s, and leads to no page of Gloebit: is a sign-in before it?", target, resp.Status,
		))
	}
	for name, want := range map[string]string{"client_id": e.config.ClientID, "redirect_uri": e.config.RedirectURL} {
		if have := to.Query().Get(name); have != want {
			return "", fmt.Errorf("%s leads to Gloebit with the %s %q, not %q", target, name, have, want)
		}
	}
	return target + " leads to " + e.config.Provider.AuthURL, nil
}

// callbackURL checks that the ledger's handler refuses what is not signed, in
// its own words.
func (e *examination) callbackURL(ctx context.Context) (string, error) {
	target := e.getenv("GLOEBIT_CALLBACK_URL")
	if target == "" {
		return "", skipped("GLOEBIT_CALLBACK_URL is not set")
	}
	resp, body, err := e.get(ctx, strings.TrimSuffix(target, "/")+"/doctor")
	if err == nil && (resp.StatusCode != http.StatusNotFound ||
		strings.TrimSpace(body) != http.StatusText(http.StatusNotFound)) {
		err = fmt.Errorf("%s answers %s, but not as the ledger's handler does", target, resp.Status)
	}
	return target + " is answered by the ledger's handler", err
}
