// Package gloebitecho is package gloebit for applications written with echo,
// version 5:
//
//	e.Use(gloebitecho.Sessions(sessions))
//	gloebitecho.Register(e, merchant)
//	e.POST("/buy/:product", buy, gloebitecho.Require(merchant, gloebit.ScopeTransact))
//
// Handlers get their user's client with [Client] and return their errors.
package gloebitecho
