package gloebit

import "net/http"

// PlainStore is a [TokenStore] that outlives the process and says whether the
// tokens in it are readable to whoever reads its database or a backup. [New]
// warns of one with Production, and nothing else depends on it. A store around
// another answers for the one inside.
type PlainStore interface {
	// PlainAtRest reports whether tokens are kept as they are, not sealed.
	PlainAtRest() bool
}

// risks lists what is set in a way that costs users or their gloebits once real
// ones are spent. At other servers than Production anything goes.
func (m *Merchant) risks() []string {
	if m.provider.APIURL != Production().APIURL {
		return nil
	}
	var risks []string
	if _, ok := m.tokens.(*MemoryTokenStore); ok {
		risks = append(risks, "Tokens is in memory: every user has to connect again after a restart")
	}
	if plain, ok := m.tokens.(PlainStore); ok && plain.PlainAtRest() {
		risks = append(risks, "Tokens is not sealed: whoever reads the database can charge the users (see package stores/sealed)")
	}
	if _, ok := m.states.(*MemoryStateStore); ok {
		risks = append(risks, "States is in memory: a callback must reach the process that started, and a restart voids it")
	}
	if m.ownSessions != nil {
		risks = append(risks, "Sessions is not set: sessions are of this process alone and end with it")
	}
	if m.redirect.Scheme != "https" {
		risks = append(risks, "RedirectURL is plain http: cookies are not marked Secure")
	}
	if transport, ok := m.http.Transport.(*http.Transport); ok && transport.TLSClientConfig != nil && transport.TLSClientConfig.InsecureSkipVerify {
		risks = append(risks, "HTTPClient does not verify certificates: whoever is on the way gets the client secret and the tokens")
	}
	return risks
}
