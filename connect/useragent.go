package connect

import (
	"net/http"
	"runtime/debug"
)

const modulePath = "github.com/go-gloebit/gloebit"

// defaultUserAgent is "go-gloebit", with the version of this module where the
// program knows it.
func defaultUserAgent() string {
	const plain = "go-gloebit"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return plain
	}
	for _, module := range append(info.Deps, &info.Main) {
		if module.Path != modulePath {
			continue
		}
		if module.Replace != nil {
			module = module.Replace
		}
		if module.Version == "" || module.Version == "(devel)" {
			return plain
		}
		return plain + "/" + module.Version
	}
	return plain
}

// naming is a transport for those who make requests themselves, as a Protocol does.
type naming struct {
	http.RoundTripper
	userAgent string
}

func (n naming) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Header.Get("User-Agent") == "" {
		req = req.WithContext(req.Context()) // a copy, as a RoundTripper must not change the caller's
		req.Header = req.Header.Clone()
		req.Header.Set("User-Agent", n.userAgent)
	}
	return n.RoundTripper.RoundTrip(req)
}

// named returns the client with a transport that says who calls.
func named(client *http.Client, userAgent string) *http.Client {
	of := *client
	if of.Transport == nil {
		of.Transport = http.DefaultTransport
	}
	of.Transport = naming{of.Transport, userAgent}
	return &of
}
