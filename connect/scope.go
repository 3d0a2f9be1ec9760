package connect

import (
	"slices"
	"strings"
)

// Scope is a permission that a user grants to an application (RFC 6749 section
// 3.3).
type Scope string

// ScopePolicy says which scopes a server knows and how they are sent. The zero
// value allows any scope and sends each under its own name.
type ScopePolicy struct {
	// Known lists the scopes that the server knows. If it is not empty, New
	// refuses other scopes, and so does the connect handler.
	Known []Scope
	// Aliases maps a scope to another name of the same permission. A user who
	// granted one of them has granted all of them.
	Aliases map[Scope]Scope
	// Names maps a scope to the name under which it is sent. The default is the
	// scope itself. A user who granted a scope under this name has granted the
	// scope.
	Names map[Scope]Scope
	// Omit leaves the parameter scope out of the authorization request, for
	// servers that take none.
	Omit bool
}

// Knows reports whether the server knows the scope.
func (p ScopePolicy) Knows(scope Scope) bool {
	return len(p.Known) == 0 || slices.Contains(p.Known, scope)
}

// Missing returns the wanted scopes that the granted ones do not cover, each
// once.
func (p ScopePolicy) Missing(granted, wanted []Scope) []Scope {
	var missing []Scope
	for _, want := range wanted {
		if !p.covers(granted, want) && !slices.Contains(missing, want) {
			missing = append(missing, want)
		}
	}
	return missing
}

// covers reports whether one of the granted scopes is equivalent to want.
func (p ScopePolicy) covers(granted []Scope, want Scope) bool {
	return slices.ContainsFunc(granted, func(have Scope) bool {
		return have == want || p.permission(have) == p.permission(want)
	})
}

// Union returns the scopes of all lists, each permission once, in the order of
// their first appearance.
func (p ScopePolicy) Union(lists ...[]Scope) []Scope {
	var union []Scope
	for _, list := range lists {
		union = append(union, p.Missing(union, list)...)
	}
	return union
}

// permission returns the canonical name of a scope. Equivalent scopes have the
// same one, and so does the name under which a scope is sent.
func (p ScopePolicy) permission(scope Scope) Scope {
	if alias, ok := p.Aliases[scope]; ok {
		scope = alias
	}
	if name, ok := p.Names[scope]; ok {
		return name
	}
	return scope
}

// sent returns the scopes under the names that are sent to the server.
func (p ScopePolicy) sent(scopes []Scope) []Scope {
	if len(p.Names) == 0 {
		return scopes
	}
	named := slices.Clone(scopes)
	for i, scope := range named {
		if name, ok := p.Names[scope]; ok {
			named[i] = name
		}
	}
	return named
}

// ParseScopes reads a space separated list (RFC 6749 section 3.3). The scopes
// share no memory with the list.
func ParseScopes(list string) []Scope {
	var scopes []Scope
	for name := range strings.FieldsSeq(list) {
		scopes = append(scopes, Scope(strings.Clone(name)))
	}
	return scopes
}

// JoinScopes writes a space separated list (RFC 6749 section 3.3).
func JoinScopes(scopes []Scope) string {
	var list strings.Builder
	for i, scope := range scopes {
		if i > 0 {
			list.WriteByte(' ')
		} else {
			list.Grow(64) // longer than most lists
		}
		list.WriteString(string(scope))
	}
	return list.String()
}

// isListOf reports whether list is what [JoinScopes] returns for the scopes.
func isListOf(list string, scopes []Scope) bool {
	if len(scopes) == 0 {
		return list == ""
	}
	i := 0
	for name := range strings.SplitSeq(list, " ") {
		if i == len(scopes) || name != string(scopes[i]) {
			return false
		}
		i++
	}
	return i == len(scopes)
}
