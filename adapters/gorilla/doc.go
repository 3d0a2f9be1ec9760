// Package gloebitgorilla is for applications whose sessions are kept with
// github.com/gorilla/sessions: [Sessions] is a gloebit.SessionStore on any of
// its stores.
//
//	sessions, err := gloebitgorilla.New(gloebitgorilla.Config{Store: store, Name: "shop"})
//	merchant, err := gloebit.New(gloebit.Config{Sessions: sessions, ...})
//	http.ListenAndServe(addr, sessions.LoadAndSave(router))
package gloebitgorilla
