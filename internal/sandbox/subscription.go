package sandbox

import (
	"net/http"
	"net/url"

	"github.com/go-gloebit/gloebit/gloebittest"
)

// subscriptionData is the data of the page on which a user approves a
// subscription.
type subscriptionData struct {
	Application  string
	Site         string // the origin of the application's own site
	Name         string
	Description  string
	Details      string
	User, UserID string
	Balance      string
	Label        string // the application's name for the user
	Asked        string // the user who was asked, if another user is signed in
	Approved     bool   // the user has already approved this subscription
	Action       string // this page
	Switch       string // sign in as another user and come back
	Back         string // link back to the application; empty means none
}

// subscriptionConsent asks the user who is signed in to approve a subscription,
// and approves or declines it.
func (s *Sandbox) subscriptionConsent(w http.ResponseWriter, r *http.Request, asked *gloebittest.SubscriptionRequest) {
	user := s.mustSignIn(w, r)
	switch {
	case user == nil:
	case user.ID != asked.User.ID:
		s.showSubscription(
			w, r, http.StatusForbidden, asked, user, "You are signed in as "+user.Name+", and another user was asked.",
		)
	case r.Method != http.MethodPost:
		s.showSubscription(w, r, http.StatusOK, asked, user, "")
	case r.PostForm.Get("user") != user.ID:
		s.showSubscription(
			w, r, http.StatusConflict, asked, user, "You are now signed in as "+user.Name+". Please decide again.",
		)
	case r.PostForm.Get("decision") == "approve":
		asked.Approve(w, r, user.ID)
	case r.PostForm.Get("decision") == "decline":
		asked.Decline(w, r, user.ID)
	default:
		s.showSubscription(w, r, http.StatusBadRequest, asked, user, "Please choose one of the two buttons.")
	}
}

func (s *Sandbox) showSubscription(
	w http.ResponseWriter, r *http.Request, status int, asked *gloebittest.SubscriptionRequest, user *gloebittest.User,
	problem string,
) {
	here := r.URL.RequestURI()
	data := subscriptionData{
		Application: asked.Application.Name,
		Site:        origin(asked.Application.HomeURL),
		Name:        asked.Subscription.Name,
		Description: asked.Subscription.Description,
		Details:     asked.Subscription.AdditionalDetails,
		User:        user.Name,
		UserID:      user.ID,
		Balance:     grouped(user.Balance),
		Label:       asked.Authorization.UserLabel,
		Approved:    asked.Authorization.State == gloebittest.SubscriptionApproved,
		Action:      here,
		Switch:      signInURL(here),
	}
	if user.ID != asked.User.ID {
		data.Asked = asked.User.Name
	}
	if _, ok := webURL(asked.ReturnTo); ok {
		data.Back = asked.ReturnTo
	}
	s.show(w, r, status, "subscription", view{
		Title: "Subscribe to " + asked.Subscription.Name + "?", Narrow: true, Problem: problem, User: user, Data: data,
	})
}

// subscription is an approved subscription in the list of the account page.
type subscription struct{ ID, Name, Description, With string }

// subscriptions returns the subscriptions that the user has approved.
func (s *Sandbox) subscriptions(user string) []subscription {
	var list []subscription
	for _, a := range s.gloebit.SubscriptionAuthorizations(user) {
		if a.State != gloebittest.SubscriptionApproved {
			continue
		}
		app, _ := s.gloebit.Application(a.Application)
		for _, offered := range s.gloebit.Subscriptions(a.Application) {
			if offered.ID == a.Subscription {
				list = append(list, subscription{ID: a.ID, Name: offered.Name, Description: offered.Description, With: app.Name})
			}
		}
	}
	return list
}

// unsubscribe serves POST /account/unsubscribe.
func (s *Sandbox) unsubscribe(w http.ResponseWriter, r *http.Request) {
	user := s.mustSignIn(w, r)
	if user == nil {
		return
	}
	id := r.PostForm.Get("subscription")
	for _, approved := range s.subscriptions(user.ID) {
		if approved.ID == id && s.gloebit.DeclineSubscription(id) == nil {
			http.Redirect(w, r, "/account?"+url.Values{"unsubscribed": {id}}.Encode(), http.StatusSeeOther)
			return
		}
	}
	s.problem(
		w, r, http.StatusNotFound, "Nothing to revoke", "Your account has no such subscription, or it was revoked before.",
	)
}

// unsubscribed returns the message that a subscription has ended, or "" if it
// has not, for example after an old link.
func (s *Sandbox) unsubscribed(user, id string) string {
	for _, a := range s.gloebit.SubscriptionAuthorizations(user) {
		if a.ID == id && a.State == gloebittest.SubscriptionDeclined {
			app, _ := s.gloebit.Application(a.Application)
			return app.Name + " can't charge you for the subscription any more."
		}
	}
	return ""
}
