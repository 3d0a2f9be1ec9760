package sandbox

import (
	"net/http"
	"net/url"

	"github.com/go-gloebit/gloebit/gloebittest"
)

// signInData is the data of the sign-in page.
type signInData struct {
	Next  string // where to go afterwards
	For   string // the application that requested the sign-in, if any
	Typed string // the typed name, if it is unknown
	Users []listedUser
}

type listedUser struct{ Name, Balance string }

// signInPage serves GET /sign-in. The parameter next is the path to return to.
func (s *Sandbox) signInPage(w http.ResponseWriter, r *http.Request) {
	s.showSignIn(w, r, http.StatusOK, signInData{Next: r.Form.Get("next")}, "")
}

func (s *Sandbox) showSignIn(w http.ResponseWriter, r *http.Request, status int, data signInData, problem string) {
	data.Next = localTarget(data.Next)
	data.For = s.applicationBehind(data.Next)
	for i, user := range s.gloebit.Users() {
		if i == listedUsers {
			break
		}
		data.Users = append(data.Users, listedUser{user.Name, grouped(user.Balance)})
	}
	s.show(w, r, status, "signin", view{
		Title: "Sign in", Nav: "sign-in", Leads: true, Problem: problem, Data: data,
	})
}

// applicationBehind returns the name of the application whose consent page
// requires the sign-in.
func (s *Sandbox) applicationBehind(next string) string {
	u, err := url.Parse(next)
	if err != nil {
		return ""
	}
	app, _ := s.gloebit.Asking(u)
	return app.Name
}

// signIn serves POST /sign-in. It requires only a name.
func (s *Sandbox) signIn(w http.ResponseWriter, r *http.Request) {
	name := r.PostForm.Get("name")
	user, ok := s.findUser(name)
	if !ok {
		data := signInData{Next: r.PostForm.Get("next"), Typed: name}
		s.showSignIn(w, r, http.StatusUnprocessableEntity, data, "There is no account of that name. You can create it below.")
		return
	}
	s.begin(w, r, user)
}

// createAccount serves POST /create-account and signs the new user in.
func (s *Sandbox) createAccount(w http.ResponseWriter, r *http.Request) {
	user, err := s.addUser(r.PostForm.Get("name"))
	if err != nil {
		data := signInData{Next: r.PostForm.Get("next")}
		s.showSignIn(w, r, http.StatusUnprocessableEntity, data, "The account was not created. "+sentence(err))
		return
	}
	s.begin(w, r, user)
}

// begin signs the user in and redirects to the page that required it.
func (s *Sandbox) begin(w http.ResponseWriter, r *http.Request, user gloebittest.User) {
	s.sessions.signIn(w, r, user.ID)
	next := localTarget(r.PostForm.Get("next"))
	if next == "/" {
		next = "/account"
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// signOut serves POST /sign-out.
func (s *Sandbox) signOut(w http.ResponseWriter, r *http.Request) {
	s.sessions.signOut(w, r)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}
