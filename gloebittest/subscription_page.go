package gloebittest

import (
	"net/http"
	"net/url"
)

// SubscriptionRequest is a subscription that waits for the user's decision on a
// page. It is valid during one HTTP request.
type SubscriptionRequest struct {
	Authorization SubscriptionAuthorization
	Subscription  Subscription
	// Application is the requesting application, without Secret and Products.
	Application Application
	// User is the only user who can decide.
	User User
	// ReturnTo is the target of a link back to the application. If empty, there
	// is no link.
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

// subscriptionRequest finds the subscription, application and user of the page.
// The problem is a text for the user.
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

// Approve approves the subscription in the user's name and shows a page that
// says so. user is an ID or a name; if it is not s.User, the page says that
// another user was asked.
func (s *SubscriptionRequest) Approve(w http.ResponseWriter, r *http.Request, user string) {
	s.answer(w, r, user, SubscriptionApproved, "Subscribed",
		s.Application.Name+" may charge your Gloebit account for "+s.Subscription.Name+".")
}

// Decline is Approve with the opposite decision.
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

// subscriptionForm is the default page. Its form posts decision (approve or
// decline) to the same URL, in the name of s.User.
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

// homeLink is the target of a link back if there is no redirect URI: the
// requested URL if it is on one of the application's sites, otherwise the home
// page.
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
