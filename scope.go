package gloebit

import (
	"slices"
	"strings"
)

// Scope is a permission that a user grants to an application. Gloebit calls it
// scope with OAuth 2.0 and domain with OAuth 1.0a.
type Scope string

// The scopes that Gloebit knows. ScopeID, ScopeUser and ScopeIdentity are three
// names of one permission, from three generations of its documents: whoever
// holds one of them holds all.
const (
	ScopeID        Scope = "id"        // the user's identity, at the path id
	ScopeUser      Scope = "user"      // the user's identity, at the path user
	ScopeIdentity  Scope = "identity"  // the user's identity, at the path user
	ScopeBalance   Scope = "balance"   // the user's balance
	ScopeTransact  Scope = "transact"  // charging the user
	ScopeInventory Scope = "inventory" // the user's items and products
	ScopeCharacter Scope = "character" // the user's characters
)

func (s Scope) known() bool {
	switch s {
	case ScopeID, ScopeUser, ScopeIdentity, ScopeBalance, ScopeTransact, ScopeInventory, ScopeCharacter:
		return true
	}
	return false
}

// permission returns the name under which scopes of equal meaning compare.
func (s Scope) permission() Scope {
	if s == ScopeID || s == ScopeIdentity {
		return ScopeUser
	}
	return s
}

// named returns the scopes in the names that the vintage has: the permission of
// identity is id in A and user in B.
func (v Vintage) named(scopes []Scope) []Scope {
	named := make([]Scope, len(scopes))
	for i, scope := range scopes {
		if scope.permission() == ScopeUser {
			switch v {
			case VintageA:
				scope = ScopeID
			case VintageB:
				scope = ScopeUser
			}
		}
		named[i] = scope
	}
	return named
}

// missingScopes returns those of wanted that granted does not cover.
func missingScopes(granted, wanted []Scope) []Scope {
	var missing []Scope
	for _, want := range wanted {
		covered := slices.ContainsFunc(granted, func(have Scope) bool {
			return have.permission() == want.permission()
		})
		if !covered && !slices.Contains(missing, want) {
			missing = append(missing, want)
		}
	}
	return missing
}

// unionScopes returns the scopes of all lists, each permission once, in the
// order of their first appearance.
func unionScopes(lists ...[]Scope) []Scope {
	var union []Scope
	for _, list := range lists {
		union = append(union, missingScopes(union, list)...)
	}
	return union
}

// parseScopes reads a space separated list (RFC 6749 section 3.3). It keeps no
// part of it, which may come out of a long request or reply.
func parseScopes(list string) []Scope {
	var scopes []Scope
	for name := range strings.FieldsSeq(list) {
		scopes = append(scopes, Scope(strings.Clone(name)))
	}
	return scopes
}

// joinScopes writes a space separated list (RFC 6749 section 3.3).
func joinScopes(scopes []Scope) string {
	var list strings.Builder
	for i, scope := range scopes {
		if i > 0 {
			list.WriteByte(' ')
		} else {
			list.Grow(64) // longer than the names of all that there are
		}
		list.WriteString(string(scope))
	}
	return list.String()
}
