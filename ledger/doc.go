// Package ledger makes purchases that survive crashes: each is stored before it
// is sent to Gloebit, charged once, and delivered at least once, or exactly
// once by a delivery that writes in the store's transaction.
//
// Gloebit answers a transaction before the money has moved. It then calls the
// transaction's hold URLs: enact asks whether to continue, and after that
// consume says that the merchant was paid, or cancel that the transaction was
// rolled back. These callbacks may come early, twice, or after a restart, and
// Gloebit does not sign them. A [Ledger] signs the hold URLs, keeps each
// purchase's [State] in a [Store], calls the application's [Fulfiller] as the
// state moves, and resumes interrupted purchases. It works only on the
// purchases of its merchant's realm (see gloebit.Merchant.Realm). To use it:
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
//			IdempotencyKey: r.FormValue("key"), Item: "green-hat", Price: 40, Quantity: 1,
//		})
//		if err != nil {
//			merchant.HandleError(w, r, err)
//			return
//		}
//		http.Redirect(w, r, "/purchases/"+purchase.ID, http.StatusSeeOther)
//	}
//
// States only move forward. There are two exceptions: a refused purchase that
// its user orders again, and a refused, canceled or released purchase that
// Gloebit reports as paid.
//
//	created → accepted → reserved → settled → delivered
//	created → reserved, if enact arrives before the response
//	created, accepted → refused → created
//	created, accepted, reserved, refused → canceled → released
//	created, accepted, refused, canceled, released → settled
//
// See docs/ledger.md for the effect of each event in each state, for the
// guarantees, and for what to do about a stuck purchase.
package ledger
