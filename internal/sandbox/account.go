package sandbox

import (
	"net/http"
	"net/url"

	"github.com/go-gloebit/gloebit/gloebittest"
)

// homeData is the data of the start page.
type homeData struct {
	Balance  string // of the user who is signed in
	Back     string // a trusted link back to the application, if there is one
	BackName string
	Shops    []shop
}

type shop struct{ Name, URL string }

// home serves the start page. The Haxe client links to it with the parameters
// of purchasePage.
func (s *Sandbox) home(w http.ResponseWriter, r *http.Request) {
	data := homeData{}
	data.Back, data.BackName = s.wayBack(r.Form.Get("r"), r.Form.Get("return-to"))
	user := s.signedIn(r)
	if user != nil {
		data.Balance = grouped(user.Balance)
	}
	for _, app := range s.gloebit.Applications() {
		if _, ok := webURL(app.HomeURL); ok {
			data.Shops = append(data.Shops, shop{app.Name, app.HomeURL})
		}
	}
	s.show(w, r, http.StatusOK, "home", view{Title: "Start", Nav: "home", User: user, Data: data})
}

// accountData is the data of a user's account page.
type accountData struct {
	ID        string
	Balance   string
	Locked    bool
	Done      string // the action that was just taken
	Approvals []approval
	// Subscriptions are those that the user has approved.
	Subscriptions []subscription
	History       history
}

type approval struct{ Key, Name, May string }

// account serves GET /account.
func (s *Sandbox) account(w http.ResponseWriter, r *http.Request) {
	user := s.mustSignIn(w, r)
	if user == nil {
		return
	}
	data := accountData{
		ID: user.ID, Balance: grouped(user.Balance), Locked: user.Locked,
		Approvals: s.approvals(user.ID), Subscriptions: s.subscriptions(user.ID), History: paged(r, s.userEntries(user.ID)),
	}
	if key := r.Form.Get("revoked"); key != "" && !approved(data.Approvals, key) {
		if app, ok := s.gloebit.Application(key); ok {
			data.Done = app.Name + " can't use your account any more."
		}
	}
	if id := r.Form.Get("unsubscribed"); id != "" {
		data.Done = s.unsubscribed(user.ID, id)
	}
	s.show(w, r, http.StatusOK, "account", view{Title: "Account", Nav: "account", User: user, Data: data})
}

// revoke serves POST /account/revoke.
func (s *Sandbox) revoke(w http.ResponseWriter, r *http.Request) {
	user := s.mustSignIn(w, r)
	if user == nil {
		return
	}
	key := r.PostForm.Get("application")
	if !s.gloebit.RevokeApproval(user.ID, key) {
		s.problem(
			w, r, http.StatusNotFound, "Nothing to revoke", "Your account has no such approval, or it was revoked before.",
		)
		return
	}
	http.Redirect(w, r, "/account?"+url.Values{"revoked": {key}}.Encode(), http.StatusSeeOther)
}

func (s *Sandbox) approvals(user string) []approval {
	var list []approval
	for _, a := range s.gloebit.Approvals(user) {
		app, _ := s.gloebit.Application(a.Application)
		list = append(list, approval{Key: a.Application, Name: app.Name, May: brief(a.Scopes)})
	}
	return list
}

func approved(list []approval, key string) bool {
	for _, a := range list {
		if a.Key == key {
			return true
		}
	}
	return false
}

// userEntries returns all changes of the user's balance.
func (s *Sandbox) userEntries(user string) []entry {
	names := map[string]string{}
	for _, app := range s.gloebit.Applications() {
		names[app.Key] = app.Name
	}
	received := s.entries(func(t gloebittest.Transaction) (string, bool) {
		payer, _ := s.gloebit.User(t.User)
		return "from " + payer.Name + " at " + names[t.Application], t.Seller == user && committed(t)
	}, func(purchase) bool { return false })
	for i := range received {
		received[i].Plus = true
	}
	return append(s.entries(func(t gloebittest.Transaction) (string, bool) {
		return names[t.Application], t.User == user
	}, func(p purchase) bool { return p.User == user }), received...)
}

// entries returns a history of the selected transactions and purchases. want
// also returns the other party of a transaction.
func (s *Sandbox) entries(
	want func(gloebittest.Transaction) (with string, ok bool), wantPurchase func(purchase) bool,
) []entry {
	var list []entry
	for _, t := range s.gloebit.Transactions() {
		if with, ok := want(t); ok {
			list = append(list, transactionEntry(t, with))
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.bought {
		if wantPurchase(p) {
			list = append(list, purchaseEntry(p))
		}
	}
	return list
}
