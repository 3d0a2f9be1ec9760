package sandbox

import (
	"errors"
	"math/big"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-gloebit/gloebit/gloebittest"
)

const (
	maxApplicationName = 80
	maxProductName     = 64
	maxDescription     = 200
)

// merchantData is the list of applications, and the input of the form for a new
// one.
type merchantData struct {
	Applications   []merchantApplication
	Name, Redirect string
}

type merchantApplication struct{ Key, Name, Products, Sales string }

// merchant serves GET /merchant.
func (s *Sandbox) merchant(w http.ResponseWriter, r *http.Request) {
	s.showMerchant(w, r, http.StatusOK, merchantData{}, "")
}

func (s *Sandbox) showMerchant(w http.ResponseWriter, r *http.Request, status int, data merchantData, problem string) {
	sales := map[string]int{}
	for _, t := range s.gloebit.Transactions() {
		sales[t.Application]++
	}
	for _, app := range s.gloebit.Applications() {
		data.Applications = append(data.Applications, merchantApplication{
			Key: app.Key, Name: app.Name,
			Products: counted(len(app.Products), "product"), Sales: counted(sales[app.Key], "transaction"),
		})
	}
	s.show(w, r, status, "merchant", view{Title: "Applications", Nav: "merchant", Problem: problem, Data: data})
}

// addApplication serves POST /merchant.
func (s *Sandbox) addApplication(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimSpace(r.PostForm.Get("name"))
	redirect := strings.TrimSpace(r.PostForm.Get("redirect"))
	err := checkName(name, maxApplicationName)
	if err == nil {
		err = checkPrefixes([]string{redirect})
	}
	var app gloebittest.Application
	if err == nil {
		app, err = s.gloebit.AddApplication(gloebittest.Application{Name: name, RedirectPrefixes: []string{redirect}})
	}
	if err != nil {
		data := merchantData{Name: name, Redirect: redirect}
		s.showMerchant(w, r, http.StatusUnprocessableEntity, data, "The application was not added. "+sentence(err))
		return
	}
	http.Redirect(w, r, applicationURL(app.Key, ""), http.StatusSeeOther)
}

// checkPrefixes returns an error, to be shown to the user, for an invalid
// redirect prefix.
func checkPrefixes(prefixes []string) error {
	if len(prefixes) == 0 {
		return errors.New("at least one redirect prefix is needed")
	}
	for _, prefix := range prefixes {
		u, err := url.Parse(prefix)
		if err != nil || u.Scheme == "" || u.Host == "" || u.User != nil || dotted(u.Path) ||
			strings.ContainsAny(prefix, "#\\") {
			return errors.New("a redirect prefix is a whole address such as https://shop.example/gloebit/")
		}
	}
	return nil
}

// earned returns the total of the application's committed transactions, in G$.
func earned(transactions []gloebittest.Transaction, key string) string {
	sum := new(big.Int)
	for _, t := range transactions {
		if t.Application == key && t.Seller == "" && committed(t) {
			sum.Add(sum, big.NewInt(t.Amount))
		}
	}
	return grouped(sum.String())
}

// committed reports whether the gloebits were paid.
func committed(t gloebittest.Transaction) bool {
	return t.State == gloebittest.StateInProgress || t.State == gloebittest.StateSettled
}
