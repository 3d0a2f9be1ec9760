// Package peers runs package connect against OAuth servers of other projects:
// ory/fosite and zitadel/oidc. It contains only tests.
package peers
