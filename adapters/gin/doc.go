// Package gloebitgin is package gloebit for applications written with gin:
//
//	router.Use(gloebitgin.Sessions(sessions))
//	gloebitgin.Register(router, merchant)
//	router.POST("/buy/:product", gloebitgin.Require(merchant, gloebit.ScopeTransact), buy)
//
// Handlers get their user's client with [Client] and pass their errors to
// [Error].
package gloebitgin
