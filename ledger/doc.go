// Package ledger makes purchases that survive: they are written before Gloebit
// hears of them, charged once, and delivered once, whatever crashes meanwhile.
//
// Gloebit answers a transaction before the money has moved. The truth comes
// later, in three callbacks that may come early, twice, or after a restart, and
// that carry no signature. A [Ledger] signs their URLs, keeps each purchase's
// [State] in a [Store], calls the application's [Fulfiller] as the state moves,
// and picks up what was cut off:
//
//	purchases, err := ledger.New(ledger.Config{
//		Merchant:    merchant,
//		Store:       store, // such as one of stores/sqlledger
//		Fulfiller:   warehouse,
//		CallbackURL: "https://shop.example/gloebit/hold",
//		Keys:        []gloebit.Secret{key},
//	})
//	if err != nil {
//		log.Fatal(err)
//	}
//	mux.Handle("/gloebit/hold/", purchases.Handler())
//	go purchases.Run(ctx)
//
//	func buy(w http.ResponseWriter, r *http.Request) { // behind merchant.RequireGloebit
//		client := gloebit.MustFromContext(r.Context())
//		purchase, err := purchases.Purchase(r.Context(), client, ledger.Order{
//			Key: r.FormValue("key"), Item: "green-hat", Price: 40, Quantity: 1,
//		})
//		if err != nil {
//			merchant.HandleError(w, r, err)
//			return
//		}
//		http.Redirect(w, r, "/purchases/"+purchase.ID, http.StatusSeeOther)
//	}
//
// States move forward only:
//
//	created → accepted → reserved → settled → delivered
//	created, accepted → refused
//	created, accepted, reserved, refused → canceled → released
//
// What each event does in each state, what is promised and what is not, and
// what to do about a stuck purchase is in docs/ledger.md.
package ledger
