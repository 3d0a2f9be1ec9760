// Package peers runs package connect against OAuth servers that other projects
// wrote: ory/fosite and zitadel/oidc. It has no code of its own.
package peers
