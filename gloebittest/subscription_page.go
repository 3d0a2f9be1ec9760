package gloebittest

import (
	"net/http"
	"net/url"
)

// SubscriptionRequest is a subscription that its user decides about on a page.
// It belongs to one HTTP request and is not kept.
type SubscriptionRequest struct {
	Authorization SubscriptionAuthorization
	Subscription  Subscription
	// Application is who asks. Its Secret and Products are left out.
	Application Application
	// User is who is asked; no other user can decide.
	User User
	// ReturnTo is where a link back to the application leads. Empty means
	// nowhere.
	ReturnTo string

	engine *Gloebit
}

// authorizeSubscription serves authorize-subscription/ID/.
func (g *Gloebit) authorizeSubscription(w http.ResponseWriter, r *http.Request) {
	_, args, _ := g.route(r.URL)
	request, problem := g.subscriptionRequest(args[0], r.URL.Query())
	if problem != "" {
		g.cfg.Notice(w, r, Notice{
			Status: http.StatusBadRequest, Title: "This link does not work", Text: problem,
			ReturnTo: request.ReturnTo, Application: request.Application.Name,
		})
		return
	}
	g.cfg.SubscriptionConsent(w, r, request)
}

// subscriptionRequest finds what the page is about. The problem is for the
// person at the browser.
func (g *Gloebit) subscriptionRequest(id string, query url.Values) (s *SubscriptionRequest, problem string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s = &SubscriptionRequest{engine: g}
	authorization := g.subscriptionAuthorization(id)
	if authorization == nil {
		return s, "No user was asked to authorize such a subscription."
	}
	subscription := g.subscription(authorization.Subscription)
	app, user := g.application(authorization.Application), g.userByID(authorization.User)
	if subscription == nil || app == nil || user == nil {
		return s, "The subscription, its application or its user is gone."
	}
	s.Authorization, s.Subscription, s.Application, s.User = *authorization, *subscription, app.clone(), user.export()
	s.Application.Secret, s.Application.Products = "", nil
	s.ReturnTo = homeLink(query.Get("return-to"), s.Application)
	if subscription.Disabled {
		return s, "The subscription is not offered any more."
	}
	return s, ""
}

// Approve approves the subscription in the user's name, by id or name, and
// shows a page that says so. Another user than the one who was asked gets a
// page that says that.
func (s *SubscriptionRequest) Approve(w http.ResponseWriter, r *http.Request, user string) {
	s.answer(w, r, user, SubscriptionApproved, "Subscribed",
		s.Application.Name+" may charge your Gloebit account for "+s.Subscription.Name+".")
}

// Decline is Approve's opposite.
func (s *SubscriptionRequest) Decline(w http.ResponseWriter, r *http.Request, user string) {
	s.answer(w, r, user, SubscriptionDeclined, "Not subscribed",
		s.Application.Name+" can't charge your Gloebit account for "+s.Subscription.Name+".")
}

func (s *SubscriptionRequest) answer(
	w http.ResponseWriter, r *http.Request, user string, state SubscriptionState, title, text string,
) {
	n := Notice{Status: http.StatusOK, Title: title, Text: text, ReturnTo: s.ReturnTo, Application: s.Application.Name}
	found, ok := s.engine.User(user)
	switch {
	case !ok || found.ID != s.User.ID:
		n.Status, n.Title, n.Text = http.StatusForbidden, "Not yours to decide", "Another user was asked to authorize "+
			"this subscription."
	case s.engine.answerSubscription(s.Authorization.ID, state) != nil:
		n.Status, n.Title, n.Text = http.StatusConflict, "Too late", "The subscription is not offered any more."
	}
	s.engine.cfg.Notice(w, r, n)
}

// subscriptionForm is the page when none is configured. Its form posts to the
// same URL: decision (approve or decline), in the name of the user who was
// asked.
func (g *Gloebit) subscriptionForm(w http.ResponseWriter, r *http.Request, s *SubscriptionRequest) {
	if r.Method == http.MethodPost {
		switch r.PostFormValue("decision") {
		case "approve":
			s.Approve(w, r, s.User.ID)
			return
		case "decline":
			s.Decline(w, r, s.User.ID)
			return
		}
	}
	g.writePage(w, http.StatusOK, "subscription", struct {
		Title string
		*SubscriptionRequest
	}{"Authorize a subscription", s})
}

// homeLink is where a link back leads when no redirect URI says where the
// application is: to what was asked for if that is on one of the application's
// sites, or to its home page.
func homeLink(asked string, app Application) string {
	if u, err := parseRedirect(asked); err == nil && isWebURL(asked) {
		for _, own := range append([]string{app.HomeURL}, app.RedirectPrefixes...) {
			if site, err := parseRedirect(own); err == nil && sameSite(u, site) {
				return asked
			}
		}
	}
	return app.HomeURL
}
