// Package gloebitfiber is package gloebit for applications written with fiber,
// version 3:
//
//	app.Use(gloebitfiber.Sessions(sessions))
//	gloebitfiber.Register(app, merchant)
//	app.Post("/buy/:product", gloebitfiber.Require(merchant, gloebit.ScopeTransact), buy)
//
// Handlers get their user's client with [Client] and return their errors. The
// request's context is that of fiber.Ctx.Context, which does not end when the
// client disconnects: fasthttp does not report that.
//
// Fiber reuses the memory of the strings that a fiber.Ctx returns, such as a
// form value. Package ledger and stores in memory keep such strings: set
// fiber.Config.Immutable, or clone them with strings.Clone.
package gloebitfiber
