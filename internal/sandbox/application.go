package sandbox

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/go-gloebit/gloebit/gloebittest"
)

// applicationData is the data of an application's page for its merchant.
type applicationData struct {
	Key, Secret, Name string
	Server            string // the sandbox's own address
	Home              string
	Redirects         string // one per line
	Products          []gloebittest.Product
	Earned            string
	History           history
	Done              string // the action that was just taken
}

// application serves GET /merchant/{key}.
func (s *Sandbox) application(w http.ResponseWriter, r *http.Request) {
	s.showApplication(w, r, http.StatusOK, "")
}

func (s *Sandbox) showApplication(w http.ResponseWriter, r *http.Request, status int, problem string) {
	app, ok := s.gloebit.Application(r.PathValue("key"))
	if !ok {
		s.problem(w, r, http.StatusNotFound, "No such application", "No application has that key.")
		return
	}
	data := applicationData{
		Key: app.Key, Secret: app.Secret, Name: app.Name, Server: serverURL(r),
		Home: app.HomeURL, Redirects: strings.Join(app.RedirectPrefixes, "\n"), Products: app.Products,
		Earned:  earned(s.gloebit.Transactions(), app.Key),
		History: paged(r, s.applicationEntries(app.Key)),
		Done:    doneWords(r.URL.Query().Get("done")),
	}
	s.show(w, r, status, "application", view{Title: app.Name, Nav: "merchant", Problem: problem, Data: data})
}

// applicationEntries returns the application's transactions and their payers.
func (s *Sandbox) applicationEntries(key string) []entry {
	names := map[string]string{}
	for _, user := range s.gloebit.Users() {
		names[user.ID] = user.Name
	}
	entries := s.entries(func(t gloebittest.Transaction) (string, bool) {
		who := names[t.User]
		if t.Username != "" && t.Username != who {
			who += " (“" + t.Username + "”)"
		}
		if t.Seller != "" {
			who += ", paid to " + names[t.Seller]
		}
		return who, t.Application == key
	}, func(purchase) bool { return false })
	for i := range entries {
		entries[i].Plus = true // users' payments are income here
	}
	return entries
}

// doneWords returns the message for an action. The parameter is only a name, so
// that a link can't put other text on the page.
func doneWords(done string) string {
	return map[string]string{
		"saved":   "The addresses are saved.",
		"added":   "The product is added.",
		"price":   "The price is changed.",
		"removed": "The product is removed.",
	}[done]
}

func applicationURL(key, done string) string {
	link := "/merchant/" + url.PathEscape(key)
	if done != "" {
		link += "?done=" + done
	}
	return link
}

func serverURL(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host + "/"
	}
	return "http://" + r.Host + "/"
}

// change applies a form to the application, and shows its page with the result
// or the error.
func (s *Sandbox) change(w http.ResponseWriter, r *http.Request, done string, fn func(*gloebittest.Application) error) {
	key := r.PathValue("key")
	err := func() error {
		s.mu.Lock()
		defer s.mu.Unlock()
		app, ok := s.gloebit.Application(key)
		if !ok {
			return nil // showApplication reports it
		}
		if err := fn(&app); err != nil {
			return err
		}
		return s.gloebit.SetApplication(app)
	}()
	if err != nil {
		s.showApplication(w, r, http.StatusUnprocessableEntity, "Nothing was changed. "+sentence(err))
		return
	}
	http.Redirect(w, r, applicationURL(key, done), http.StatusSeeOther)
}

// setAddresses serves POST /merchant/{key}/addresses.
func (s *Sandbox) setAddresses(w http.ResponseWriter, r *http.Request) {
	s.change(w, r, "saved", func(app *gloebittest.Application) error {
		home := strings.TrimSpace(r.PostForm.Get("home"))
		if _, ok := webURL(home); home != "" && !ok {
			return errors.New("the home page is not an http or https address")
		}
		prefixes := strings.Fields(r.PostForm.Get("redirects"))
		if err := checkPrefixes(prefixes); err != nil {
			return err
		}
		app.HomeURL, app.RedirectPrefixes = home, prefixes
		return nil
	})
}

// addProduct serves POST /merchant/{key}/products/add.
func (s *Sandbox) addProduct(w http.ResponseWriter, r *http.Request) {
	s.change(w, r, "added", func(app *gloebittest.Application) error {
		name := strings.TrimSpace(r.PostForm.Get("product"))
		if err := checkName(name, maxProductName); err != nil {
			return err
		}
		if find(app, name) >= 0 {
			return errors.New("there is already a product of that name")
		}
		description := strings.TrimSpace(r.PostForm.Get("description"))
		if description != "" {
			if err := checkName(description, maxDescription); err != nil {
				return errors.New("the description is too long or can't be shown")
			}
		}
		price, err := parseWhole(r.PostForm.Get("price"), 0, maxPrice)
		if err != nil {
			return err
		}
		app.Products = append(app.Products, gloebittest.Product{Name: name, Description: description, Price: price})
		return nil
	})
}

// setPrice serves POST /merchant/{key}/products/price.
func (s *Sandbox) setPrice(w http.ResponseWriter, r *http.Request) {
	s.change(w, r, "price", func(app *gloebittest.Application) error {
		at := find(app, r.PostForm.Get("product"))
		if at < 0 {
			return errors.New("there is no product of that name")
		}
		price, err := parseWhole(r.PostForm.Get("price"), 0, maxPrice)
		if err != nil {
			return err
		}
		app.Products[at].Price = price
		return nil
	})
}

// askRemove serves GET /merchant/{key}/products/remove, which asks for
// confirmation.
func (s *Sandbox) askRemove(w http.ResponseWriter, r *http.Request) {
	app, _ := s.gloebit.Application(r.PathValue("key"))
	product := r.Form.Get("product")
	if find(&app, product) < 0 {
		s.problem(w, r, http.StatusNotFound, "No such product", "No application with that key has a product of that name.")
		return
	}
	s.show(w, r, http.StatusOK, "remove", view{
		Title: "Remove " + product + "?", Nav: "merchant", Narrow: true,
		Data: struct{ Key, Name, Product string }{app.Key, app.Name, product},
	})
}

// removeProduct serves POST /merchant/{key}/products/remove. Users keep what
// they own of the product.
func (s *Sandbox) removeProduct(w http.ResponseWriter, r *http.Request) {
	s.change(w, r, "removed", func(app *gloebittest.Application) error {
		at := find(app, r.PostForm.Get("product"))
		if at < 0 {
			return errors.New("there is no product of that name")
		}
		app.Products = slices.Delete(app.Products, at, at+1)
		return nil
	})
}

func find(app *gloebittest.Application, product string) int {
	return slices.IndexFunc(app.Products, func(p gloebittest.Product) bool { return p.Name == product })
}
