package sandbox

import (
	"net/http"

	"github.com/go-gloebit/gloebit/gloebittest"
)

// consentData is the data of the consent page.
type consentData struct {
	Application string
	Site        string // the origin of the application's own site
	Back        string // the site to which the browser returns after an approval
	Asks        []ask
	User        string
	UserID      string
	Balance     string
	Label       string // the application's name for the user
	Action      string // this page; the engine checks the request again when the form is submitted
	Switch      string // sign in as another user and come back
}

// consent handles a valid authorization request. It asks the user who is signed
// in, and approves or denies the request.
func (s *Sandbox) consent(w http.ResponseWriter, r *http.Request, a *gloebittest.Authorization) {
	user := s.mustSignIn(w, r)
	if user == nil {
		return
	}
	if r.Method != http.MethodPost {
		if a.Approved(user.ID) {
			a.Approve(w, r, user.ID)
			return
		}
		s.showConsent(w, r, http.StatusOK, a, user, "")
		return
	}
	// Another tab may have signed in as another user since the page was shown.
	if r.PostForm.Get("user") != user.ID {
		s.showConsent(w, r, http.StatusConflict, a, user, "You are now signed in as "+user.Name+". Please decide again.")
		return
	}
	switch r.PostForm.Get("decision") {
	case "approve":
		a.Approve(w, r, user.ID)
	case "refuse":
		a.Refuse(w, r)
	default:
		s.showConsent(w, r, http.StatusBadRequest, a, user, "Please choose one of the two buttons.")
	}
}

func (s *Sandbox) showConsent(
	w http.ResponseWriter, r *http.Request, status int, a *gloebittest.Authorization, user *gloebittest.User,
	problem string,
) {
	here := r.URL.RequestURI()
	back := origin(a.RedirectURI)
	if back == "" {
		back = a.Application.Name
	}
	s.show(w, r, status, "consent", view{
		Title: "Connect to " + a.Application.Name + "?", Narrow: true, Leads: true, Problem: problem, User: user,
		Data: consentData{
			Application: a.Application.Name,
			Site:        origin(a.Application.HomeURL),
			Back:        back,
			Asks:        asks(a.Scopes),
			User:        user.Name,
			UserID:      user.ID,
			Balance:     grouped(user.Balance),
			Label:       a.UserLabel,
			Action:      here,
			Switch:      signInURL(here),
		},
	})
}

// notice shows a message of the engine as a page of the sandbox.
func (s *Sandbox) notice(w http.ResponseWriter, r *http.Request, n gloebittest.Notice) {
	back, name := n.ReturnTo, "the application"
	if _, ok := webURL(back); !ok {
		back = ""
	}
	app, known := s.gloebit.Asking(r.URL)
	switch {
	case n.Application != "":
		name = n.Application
	case known:
		name = app.Name
	case r.URL.Query().Has("client_id"):
		n.Text += " Its key may be from before the sandbox was started again: paste the export lines that the sandbox " +
			"printed last, and start the application again. With -state FILE the sandbox keeps its key and secret."
	}
	s.show(w, r, n.Status, "notice", view{
		Title: n.Title, Narrow: true, Data: struct{ Text, Back, Name string }{n.Text, back, name},
	})
}
