package sqlstore

import (
	"strings"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/stores/internal/sqldb"
)

// Lists of scopes are kept as RFC 6749 section 3.3 writes them.

func storedScopes(scopes []gloebit.Scope) []byte {
	var list []byte
	for i, scope := range scopes {
		if i > 0 {
			list = append(list, ' ')
		}
		list = append(list, scope...)
	}
	return sqldb.Stored(string(list))
}

func readScopes(list []byte) []gloebit.Scope {
	if len(list) == 0 {
		return nil
	}
	var scopes []gloebit.Scope
	for scope := range strings.SplitSeq(string(list), " ") {
		scopes = append(scopes, gloebit.Scope(scope))
	}
	return scopes
}
