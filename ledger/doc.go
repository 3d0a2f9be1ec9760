// Package ledger makes purchases that survive: they are written before Gloebit
// hears of them, charged once, and delivered once, whatever crashes meanwhile.
//
// Gloebit answers a transaction before the money has moved. Three callbacks tell
// later what became of it. They may come early, twice, or after a restart, and
// carry no signature. A [Ledger] signs their URLs, keeps each purchase's [State]
// in a [Store], calls the application's [Fulfiller] as the state moves, and picks
// up what was cut off. It works on the purchases of its merchant's realm alone:
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
// States move forward, but for a refused purchase that its user orders again:
//
//	created → accepted → reserved → settled → delivered
//	created, accepted → refused → created
//	created, accepted, reserved, refused → canceled → released
//
// A purchase that Gloebit calls paid is settled from any state. docs/ledger.md
// has what each event does in each state, what is promised and what is not, and
// what to do about a stuck purchase.
package ledger
