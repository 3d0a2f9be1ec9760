package sqlstore

import (
	"strings"

	"github.com/go-gloebit/gloebit/connect"
)

// Lists of scopes have the form of RFC 6749, section 3.3.

func joinScopes(scopes []connect.Scope) string {
	var list strings.Builder
	for i, scope := range scopes {
		if i > 0 {
			list.WriteByte(' ')
		}
		list.WriteString(string(scope))
	}
	return list.String()
}

func splitScopes(list string) []connect.Scope {
	if list == "" {
		return nil
	}
	var scopes []connect.Scope
	for scope := range strings.SplitSeq(list, " ") {
		scopes = append(scopes, connect.Scope(scope))
	}
	return scopes
}
