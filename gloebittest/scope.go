package gloebittest

import (
	"net/url"
	"slices"
	"strings"
)

// knownScopes are the scopes and the version that has them.
func knownScopes() map[string]APIVersion {
	return map[string]APIVersion{
		"id": BothVersions, "user": VersionB, "identity": VersionB,
		"balance": BothVersions, "transact": BothVersions, "inventory": BothVersions,
		"character": VersionB,
	}
}

// parseScopes splits a space-separated list and drops duplicates. It reports
// false if the list is empty or has a scope that v does not know.
func (v APIVersion) parseScopes(list string) ([]string, bool) {
	return v.checkScopes(strings.Fields(list))
}

func (v APIVersion) checkScopes(scopes []string) ([]string, bool) {
	known := knownScopes()
	var result []string
	for _, scope := range scopes {
		version, ok := known[scope]
		if !ok || !v.takes(version) {
			return nil, false
		}
		if !slices.Contains(result, scope) {
			result = append(result, scope)
		}
	}
	return result, len(result) > 0
}

// canonicalScope maps the three names of the identity scope to one.
func canonicalScope(scope string) string {
	if scope == "id" || scope == "identity" {
		return "user"
	}
	return scope
}

func hasScope(granted []string, scope string) bool {
	return slices.ContainsFunc(granted, func(s string) bool { return canonicalScope(s) == canonicalScope(scope) })
}

// coversScopes reports whether granted contains every scope of asked.
func coversScopes(granted, asked []string) bool {
	return !slices.ContainsFunc(asked, func(s string) bool { return !hasScope(granted, s) })
}

func sameScopes(a, b []string) bool { return coversScopes(a, b) && coversScopes(b, a) }

// intersectScopes returns the scopes that are in allowed, in order.
func intersectScopes(scopes, allowed []string) []string {
	var result []string
	for _, s := range scopes {
		if hasScope(allowed, s) {
			result = append(result, s)
		}
	}
	return result
}

func joinScopes(scopes []string) string { return strings.Join(scopes, " ") }

// readDomain reads the scopes from the parameter scope or domain. scopes is nil
// if neither was sent.
func (v APIVersion) readDomain(values url.Values) (scopes []string, ok bool) {
	scope, scopesSent := single(values, "scope")
	domain, domainsSent := single(values, "domain")
	switch {
	case scopesSent+domainsSent == 0:
		return nil, true
	case scopesSent > 1 || domainsSent > 1 || scopesSent+domainsSent == 2 && scope != domain:
		return nil, false
	case scopesSent == 0:
		scope = domain
	}
	return v.parseScopes(scope)
}
