package connect

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// CheckEndpoint parses an absolute URL to which secrets may be sent: https, or
// http on a loopback address.
func CheckEndpoint(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case !strings.Contains(raw, "://"):
		return nil, fmt.Errorf("%q is not an absolute URL: it must begin with https:// or http://", raw)
	case err != nil:
		return nil, fmt.Errorf("not a URL: %w", err)
	case u.Host == "" || u.Hostname() == "":
		return nil, fmt.Errorf("%q is not an absolute URL: write it with scheme and host", raw)
	case u.User != nil:
		return nil, fmt.Errorf("a URL with user information is not accepted")
	case u.Fragment != "" || strings.HasSuffix(raw, "#"):
		return nil, fmt.Errorf("%q must not have a fragment", raw)
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return nil, fmt.Errorf("%q is plain http: use https (http is for loopback addresses only)", raw)
	case strings.TrimSpace(raw) != raw || strings.Contains(u.Host, " "):
		return nil, fmt.Errorf("%q has a space", raw)
	case !validPort(u):
		return nil, fmt.Errorf("%q has no valid port", raw)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%q must begin with https://", raw)
	}
	return u, nil
}

// validPort reports whether a URL has a valid port or none.
func validPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	port, err := strconv.Atoi(u.Port())
	return err == nil && port > 0 && port < 1<<16
}

// originOf returns the origin of a URL as browsers write it: in lower case,
// without the default port (RFC 6454 section 6.2).
func originOf(u *url.URL) string {
	host := strings.ToLower(u.Host)
	if u.Port() == map[string]string{"https": "443", "http": "80"}[u.Scheme] {
		host = strings.TrimSuffix(host, ":"+u.Port())
	}
	return u.Scheme + "://" + host
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
