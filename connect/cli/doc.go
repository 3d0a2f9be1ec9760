// Package cli logs the user of a program in at an OAuth 2.0 server, and keeps
// the login for the next run.
//
//	store, err := cli.UserStore("toaster")
//	account, err := cli.Login{Server: server, ClientID: id, Store: store}.Browser(ctx)
//	resp, err := account.HTTPClient().Get("https://api.example/me")
//
// [Login.Browser] uses the browser of the same machine (RFC 8252),
// [Login.Device] any other device (RFC 8628). A [FileStore] keeps the tokens in
// files that only the user can read.
package cli
