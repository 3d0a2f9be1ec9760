package gloebit

import "github.com/go-gloebit/gloebit/connect"

// Scope is a permission that a user grants to an application. Gloebit calls it
// scope with OAuth 2.0 and domain with OAuth 1.0a.
type Scope = connect.Scope

// The scopes that Gloebit knows. ScopeID, ScopeUser and ScopeIdentity, the
// identity scopes, are three names of one permission, from three generations of
// Gloebit's documents: a user who granted one has granted all.
const (
	ScopeID        Scope = "id"        // the user's identity, at the path id
	ScopeUser      Scope = "user"      // the user's identity, at the path user
	ScopeIdentity  Scope = "identity"  // the user's identity, at the path user
	ScopeBalance   Scope = "balance"   // the user's balance
	ScopeTransact  Scope = "transact"  // charging the user
	ScopeInventory Scope = "inventory" // the user's items and products
	ScopeCharacter Scope = "character" // the user's characters
)

// scopePolicy describes the scopes of Gloebit's server.
var scopePolicy = connect.ScopePolicy{
	Known:   []Scope{ScopeID, ScopeUser, ScopeIdentity, ScopeBalance, ScopeTransact, ScopeInventory, ScopeCharacter},
	Aliases: map[Scope]Scope{ScopeID: ScopeID, ScopeUser: ScopeID, ScopeIdentity: ScopeID},
}

// scopes returns the policy with the version's name for the identity
// permission: id in A and user in B.
func (v APIVersion) scopes() connect.ScopePolicy {
	policy := scopePolicy
	switch v {
	case VersionA:
		policy.Names = map[Scope]Scope{ScopeUser: ScopeID, ScopeIdentity: ScopeID}
	case VersionB:
		policy.Names = map[Scope]Scope{ScopeID: ScopeUser, ScopeIdentity: ScopeUser}
	}
	return policy
}
