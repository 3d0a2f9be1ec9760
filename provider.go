package gloebit

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/go-gloebit/gloebit/connect"
)

// Provider holds the endpoints and options of one authorization server. Start
// from [Production], [Sandbox] or [ProviderAt] and change fields as needed.
// [New] refuses the zero value, so that an application never charges real money
// because Config.Provider was left out.
type Provider struct {
	// Name is the provider's name in messages. Empty means "Gloebit".
	Name string
	// AuthURL is the authorization endpoint, which the browser visits
	// (RFC 6749 section 3.1).
	AuthURL string
	// TokenURL is the token endpoint, which the application calls (RFC 6749
	// section 3.2).
	TokenURL string
	// APIURL is the base of the API's paths. It ends with a slash.
	APIURL string
	// AccountURL is the page where users see and revoke what they approved.
	// Gloebit has no revocation endpoint for applications.
	AccountURL string
	// PKCE sends a new S256 challenge with each authorization request (RFC
	// 7636). The default is off, because Gloebit's documents don't mention
	// PKCE.
	PKCE bool
	// APIVersion selects the version of the API. The default is BothVersions.
	APIVersion APIVersion
	// Issuer, when set, must come back as the parameter iss of every
	// authorization response (RFC 9207). Gloebit sends none.
	Issuer string
}

// APIVersion selects one of the two versions of Gloebit's API, or both. They
// differ in the names of a few request fields, in a few paths, and in the calls
// that they have. Responses of either version are always accepted.
type APIVersion int

// The versions. VersionA is the API of Gloebit's first documents, VersionB the
// API of its later developer site and of the clients that it published.
// BothVersions sends the requests of VersionA with the field names of VersionB
// added.
const (
	BothVersions APIVersion = iota
	VersionA
	VersionB
)

// put sets a value under the version's name for it: a in version A, b in
// version B.
func (v APIVersion) put(body map[string]any, a, b string, value any) {
	if v != VersionB {
		body[a] = value
	}
	if v != VersionA {
		body[b] = value
	}
}

// slash returns the end of a path that has a trailing slash in version A only.
func (v APIVersion) slash() string {
	if v == VersionB {
		return ""
	}
	return "/"
}

// Production is Gloebit at https://www.gloebit.com/, where users spend gloebits
// that they paid for.
func Production() Provider { return ProviderAt("https://www.gloebit.com/") }

// Sandbox is Gloebit's test server at https://sandbox.gloebit.com/, with its
// own accounts and balances.
func Sandbox() Provider { return ProviderAt("https://sandbox.gloebit.com/") }

// ProviderAt is a Gloebit server at another address, such as one that package
// gloebittest or the command gloebit-sandbox runs. [New] accepts plain http
// only for loopback addresses.
func ProviderAt(baseURL string) Provider {
	base := strings.TrimRight(baseURL, "/") + "/"
	return Provider{
		Name:       "Gloebit",
		AuthURL:    base + "oauth2/authorize",
		TokenURL:   base + "oauth2/access-token",
		APIURL:     base,
		AccountURL: base,
	}
}

// check reports the first invalid field.
func (p Provider) check() error {
	if p.AuthURL == "" && p.TokenURL == "" && p.APIURL == "" {
		return fmt.Errorf("gloebit: Config.Provider is empty: set it to gloebit.Production() or gloebit.Sandbox()")
	}
	for _, field := range []struct{ name, value string }{
		{"AuthURL", p.AuthURL}, {"TokenURL", p.TokenURL}, {"APIURL", p.APIURL},
	} {
		if _, err := connect.CheckEndpoint(field.value); err != nil {
			return fmt.Errorf("gloebit: Config.Provider.%s: %w", field.name, err)
		}
	}
	if p.APIVersion < BothVersions || p.APIVersion > VersionB {
		return fmt.Errorf("gloebit: Config.Provider.APIVersion: unknown value %d", p.APIVersion)
	}
	if !strings.HasSuffix(p.APIURL, "/") {
		return fmt.Errorf("gloebit: Config.Provider.APIURL: %q must end with a slash", p.APIURL)
	}
	return nil
}

// isProduction reports whether the provider is Gloebit's server for real
// gloebits, in any spelling of its address.
func (p Provider) isProduction() bool {
	u, err := url.Parse(p.APIURL)
	if err != nil {
		return false
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	return host == "gloebit.com" || host == "www.gloebit.com"
}
