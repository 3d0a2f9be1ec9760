package sandbox

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/gloebittest"
)

// maxOrder limits the length of a purchase form's ID.
const maxOrder = 64

// purchase is a purchase of gloebits by a user.
type purchase struct {
	ID     string    `json:"id"` // created for the form, so that submitting it twice buys once
	User   string    `json:"user"`
	Amount int64     `json:"amount"` // whole G$
	Time   time.Time `json:"time"`
}

// purchaseData is the data of the page for buying gloebits.
type purchaseData struct {
	Bought   string // what was just bought, if anything
	Balance  string
	Back     string // a trusted link back to the application, if there is one
	BackName string
	Key      string // the parameter r
	ReturnTo string // the parameter return-to
	Order    string
	Amounts  []choice
	Chosen   string
	Other    string
}

type choice struct{ Value, Text string }

func amounts() []choice {
	var list []choice
	for _, n := range []int64{100, 500, 1000, 2000, 5000} {
		list = append(list, choice{strconv.FormatInt(n, 10), groupedInt(n)})
	}
	return list
}

// purchasePage serves GET /purchase. Its parameters r (the application's key)
// and return-to (the link back) are optional.
func (s *Sandbox) purchasePage(w http.ResponseWriter, r *http.Request) {
	user := s.mustSignIn(w, r)
	if user == nil {
		return
	}
	data := purchaseData{Key: r.Form.Get("r"), ReturnTo: r.Form.Get("return-to"), Chosen: "500"}
	if done, ok := s.purchaseOf(user.ID, r.Form.Get("order")); ok {
		data.Bought = groupedInt(done.Amount)
	}
	s.showPurchase(w, r, http.StatusOK, user, data, "")
}

func (s *Sandbox) showPurchase(
	w http.ResponseWriter, r *http.Request, status int, user *gloebittest.User, data purchaseData, problem string,
) {
	data.Balance = grouped(user.Balance)
	data.Back, data.BackName = s.wayBack(data.Key, data.ReturnTo)
	data.Order = rand.Text()
	data.Amounts = amounts()
	s.show(w, r, status, "purchase", view{
		Title: "Buy gloebits", Nav: "purchase", Problem: problem, User: user, Data: data,
	})
}

// purchase serves POST /purchase and shows the page again, with the purchase.
func (s *Sandbox) purchase(w http.ResponseWriter, r *http.Request) {
	data := purchaseData{
		Key: r.PostForm.Get("r"), ReturnTo: r.PostForm.Get("return-to"),
		Chosen: r.PostForm.Get("amount"), Other: r.PostForm.Get("other"),
	}
	user := s.signedIn(r)
	if user == nil { // signed out since the page was shown: buy nothing, but keep the link back
		http.Redirect(w, r, signInURL(data.url("")), http.StatusSeeOther)
		return
	}
	text := data.Other
	if strings.TrimSpace(text) == "" {
		text = data.Chosen
	}
	amount, err := parseWhole(text, 1, maxPurchase)
	if err != nil {
		s.showPurchase(w, r, http.StatusUnprocessableEntity, user, data, "Nothing was bought: "+err.Error()+".")
		return
	}
	order := r.PostForm.Get("order")
	if order == "" || len(order) > maxOrder {
		order = rand.Text()
	}
	if err := s.buy(user.ID, order, amount); err != nil {
		s.log.ErrorContext(r.Context(), "sandbox: gloebits not bought", "error", err)
		s.problem(w, r, http.StatusInternalServerError, "Nothing was bought", "The account did not take the gloebits.")
		return
	}
	http.Redirect(w, r, data.url(order), http.StatusSeeOther)
}

// url returns the page's URL with the link back and, unless empty, the order.
func (d purchaseData) url(order string) string {
	query := url.Values{}
	for name, value := range map[string]string{"r": d.Key, "return-to": d.ReturnTo, "order": order} {
		if value != "" {
			query.Set(name, value)
		}
	}
	return "/purchase?" + query.Encode()
}

// buy adds to the balance, once per order.
func (s *Sandbox) buy(user, order string, amount int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, done := range s.bought {
		if done.ID == order && done.User == user {
			return nil
		}
	}
	if err := s.gloebit.AddBalance(user, strconv.FormatInt(amount, 10)); err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	s.bought = append(s.bought, purchase{ID: order, User: user, Amount: amount, Time: s.now().UTC()})
	s.changes++
	return nil
}

// purchaseOf finds a purchase of the user.
func (s *Sandbox) purchaseOf(user, order string) (purchase, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, done := range s.bought {
		if done.ID == order && done.User == user {
			return done, true
		}
	}
	return purchase{}, false
}

// wayBack returns the link back to the application with that key or, without a
// key, to any application. The URL must be below a redirect prefix of the
// application or on its site, so that users are not led to an unknown page.
func (s *Sandbox) wayBack(key, returnTo string) (link, name string) {
	if returnTo == "" {
		return "", ""
	}
	for _, app := range s.gloebit.Applications() {
		if key != "" && key != app.Key {
			continue
		}
		prefixes := append([]string{app.HomeURL}, app.RedirectPrefixes...)
		for _, prefix := range prefixes {
			if under(returnTo, prefix) {
				return returnTo, app.Name
			}
		}
	}
	return "", ""
}
