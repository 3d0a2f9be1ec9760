package connect

import (
	"net/http"
	"runtime/debug"
)

const modulePath = "github.com/go-gloebit/gloebit"

// defaultUserAgent returns "go-gloebit" and the version of this module, if
// known.
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

// headerTransport is a transport that adds the headers to requests that other
// code makes, such as a Protocol.
type headerTransport struct {
	http.RoundTripper
	header http.Header
}

func (n headerTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.WithContext(req.Context()) // a copy, because a RoundTripper must not change the caller's request
	req.Header = req.Header.Clone()
	complete(req, n.header)
	return n.RoundTripper.RoundTrip(req)
}

// complete adds the headers that a request does not have.
func complete(req *http.Request, header http.Header) {
	for name, values := range header {
		if _, ok := req.Header[name]; !ok {
			req.Header[name] = values
		}
	}
}

// named returns the client with a transport that adds the headers to every
// request to the server.
func named(client *http.Client, header http.Header) *http.Client {
	of := *client
	if of.Transport == nil {
		of.Transport = http.DefaultTransport
	}
	of.Transport = headerTransport{of.Transport, header}
	return &of
}

// headers returns the headers of every request to the server.
func headers(server Server, userAgent string) http.Header {
	all := http.Header{"User-Agent": {userAgent}}
	for name, values := range server.Header {
		all[http.CanonicalHeaderKey(name)] = values
	}
	return all
}
