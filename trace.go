package gloebit

import (
	"context"

	"github.com/go-gloebit/gloebit/connect"
)

// Trace holds functions that a [Merchant] and its clients call at stages of
// their work, for traces and metrics: those of [connect.Trace], for connecting
// users, and Call. Any of them may be nil. The rules of connect.Trace hold for
// Call too. Package github.com/go-gloebit/gloebit/otel makes a Trace for
// OpenTelemetry.
type Trace struct {
	connect.Trace
	// Call is called when a method of Client calls Gloebit. The operation that
	// it traces includes the refresh of an expired token and every retry. To
	// see each request, give Config.HTTPClient a Transport that traces.
	Call func(context.Context, CallInfo) (context.Context, func(error))
}

// CallInfo says which call a [Client] makes.
type CallInfo struct {
	Realm  string // Merchant.Realm
	UserID string // User.ID; empty while it is unknown
	Name   string // the endpoint without its arguments, such as transact; "other" for Client.Call
}

// otherCall is CallInfo.Name for [Client.Call], whose paths may contain
// anything.
const otherCall = "other"

// start calls Trace.Call, if it is set.
func (c *Client) start(ctx context.Context, name string) (context.Context, func(error)) {
	if c.merchant.trace.Call == nil {
		return ctx, func(error) {}
	}
	return c.merchant.trace.Call(ctx, CallInfo{Realm: c.Realm(), UserID: c.User().ID, Name: name})
}
