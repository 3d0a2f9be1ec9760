package sandbox

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// reachable rejects requests that neither an application nor a page of this
// sandbox sends.
//
// It responds 421 to requests for other hosts. Otherwise a site whose host name
// resolves to this machine (DNS rebinding) could read every secret.
//
// It responds 403 to requests from pages of other sites, except links and
// redirects that the browser follows.
func (s *Sandbox) reachable(next http.Handler, hosts []string) http.Handler {
	protection := http.NewCrossOriginProtection()
	refuse := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.problem(w, r, http.StatusForbidden, "That came from another site",
			"It was sent by a page that doesn't belong to this sandbox, so nothing was done.")
	})
	protection.SetDenyHandler(refuse)
	protected := protection.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cross-Origin-Resource-Policy", "same-origin")
		host := hostname(r.Host)
		switch {
		case !slices.Contains(hosts, host) && !isLoopback(host) && !isOwnAddress(r, host):
			s.log.WarnContext(r.Context(), "sandbox: refused a request for another host; -host NAME adds a host", "host", host)
			http.Error(w, "This sandbox does not answer under this host name. To add a name, start it with -host NAME.",
				http.StatusMisdirectedRequest)
		case isForeignScript(r):
			refuse.ServeHTTP(w, r)
		default:
			protected.ServeHTTP(w, r)
		}
	})
}

// hostname returns the host of a Host header in lower case, without its port.
func hostname(host string) string {
	u := url.URL{Host: host}
	return normalHost(u.Hostname())
}

func normalHost(host string) string { return strings.TrimSuffix(strings.ToLower(host), ".") }

func normalHosts(hosts []string) []string {
	normal := make([]string, len(hosts))
	for i, host := range hosts {
		normal[i] = normalHost(host)
	}
	return normal
}

// isLoopback reports whether a host is this machine for every browser,
// including the unspecified addresses.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip.IsLoopback() || ip.IsUnspecified()
}

// isOwnAddress reports whether a host is the IP address at which the request
// arrived. A page from that address is served by this machine.
func isOwnAddress(r *http.Request, host string) bool {
	ip := net.ParseIP(host)
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && ip != nil && local.IP.Equal(ip)
}

// isForeignScript reports whether, according to the browser, a page of another
// site sent the request, other than by a link or redirect.
func isForeignScript(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return false
	}
	return r.Header.Get("Sec-Fetch-Mode") != "navigate"
}
