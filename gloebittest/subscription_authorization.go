package gloebittest

import (
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// SubscriptionState is a user's decision about a subscription.
type SubscriptionState string

const (
	// SubscriptionPending means that the user has not decided yet.
	SubscriptionPending SubscriptionState = "pending"
	// SubscriptionApproved means that the application may charge the user.
	SubscriptionApproved SubscriptionState = "approved"
	// SubscriptionDeclined means that the user declined, possibly after an
	// earlier approval.
	SubscriptionDeclined SubscriptionState = "declined"
)

// SubscriptionAuthorization is an application's request to a user to authorize
// a subscription, with the user's decision. There is at most one for each user
// and subscription.
type SubscriptionAuthorization struct {
	ID           string            `json:"id"`           // a UUID, chosen by the Gloebit
	Subscription string            `json:"subscription"` // the subscription's id
	Application  string            `json:"application"`  // the application's key
	User         string            `json:"user"`         // the user's id
	UserLabel    string            `json:"user_label,omitempty"`
	UserIDThere  string            `json:"user_id_there,omitempty"` // the user's id on the application
	State        SubscriptionState `json:"state"`
	Created      time.Time         `json:"created"`
	Updated      time.Time         `json:"updated"`
}

// SubscriptionAuthorizations returns the user's subscription authorizations,
// oldest first.
func (g *Gloebit) SubscriptionAuthorizations(user string) []SubscriptionAuthorization {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.user(user)
	if a == nil {
		return nil
	}
	var list []SubscriptionAuthorization
	for _, s := range g.subscriptionAuthorizations {
		if s.User == a.id {
			list = append(list, *s)
		}
	}
	return list
}

// ApproveSubscription approves a subscription authorization, as its user would
// on the page. It fails if the authorization doesn't exist or the subscription
// is disabled.
func (g *Gloebit) ApproveSubscription(authorizationID string) error {
	return g.answerSubscription(authorizationID, SubscriptionApproved)
}

// DeclineSubscription declines a subscription authorization, also after an
// approval. It fails if the authorization doesn't exist.
func (g *Gloebit) DeclineSubscription(authorizationID string) error {
	return g.answerSubscription(authorizationID, SubscriptionDeclined)
}

func (g *Gloebit) answerSubscription(id string, state SubscriptionState) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	authorization := g.subscriptionAuthorization(id)
	if authorization == nil {
		return fmt.Errorf("gloebittest: no subscription authorization %q", id)
	}
	subscription := g.subscription(authorization.Subscription)
	if state == SubscriptionApproved && (subscription == nil || subscription.Disabled) {
		return fmt.Errorf("gloebittest: the subscription %q is disabled", authorization.Subscription)
	}
	authorization.State, authorization.Updated = state, g.now()
	g.revision++
	return nil
}

// subscriptionAuthorization returns the authorization with the ID, or nil. The
// caller holds g.mu.
func (g *Gloebit) subscriptionAuthorization(id string) *SubscriptionAuthorization {
	for _, s := range g.subscriptionAuthorizations {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// authorizationOf returns the user's authorization of a subscription, or nil.
// The caller holds g.mu.
func (g *Gloebit) authorizationOf(subscriptionID, userID string) *SubscriptionAuthorization {
	for _, s := range g.subscriptionAuthorizations {
		if s.Subscription == subscriptionID && s.User == userID {
			return s
		}
	}
	return nil
}

// createSubscriptionAuthorization serves create-subscription-authorization.
func (g *Gloebit) createSubscriptionAuthorization(c *call) reply {
	body, reason := c.fields(false)
	if reason != "" {
		return failure(reason)
	}
	key, reason := body.text("application-key")
	if reason != "" {
		return failure(reason)
	}
	id, reason := body.text("subscription-id")
	if reason != "" || emptyID(id) {
		return failure("invalid subscription-id")
	}
	subscription := g.subscription(id)
	switch {
	case key != c.app.Key, subscription != nil && subscription.Application != c.app.Key:
		return failed("mismatched-application-key", "the application-key is not the subscription's or the token's")
	case subscription == nil:
		return failed("subscription-not-found", "there is no subscription with this subscription-id")
	case subscription.Disabled:
		return failed("subscription-disabled", "the subscription is disabled")
	case c.user.locked:
		return failed("cannot-transact", "the user's account is locked")
	}
	if present := g.authorizationOf(id, c.user.id); present != nil {
		return present.again()
	}
	now := g.now()
	created := &SubscriptionAuthorization{
		ID: uuid.NewString(), Subscription: id, Application: c.app.Key, User: c.user.id,
		UserLabel: body.label("username-on-application"), UserIDThere: body.label("user-id-on-application"),
		State: SubscriptionPending, Created: now, Updated: now,
	}
	g.subscriptionAuthorizations = append(g.subscriptionAuthorizations, created)
	return created.reply("created")
}

// again answers a second request for the same authorization. It succeeds even
// if the user has declined: the published client then shows the page again.
func (s *SubscriptionAuthorization) again() reply {
	switch s.State {
	case SubscriptionApproved:
		return s.reply("duplicate-and-already-approved-by-user")
	case SubscriptionDeclined:
		return s.reply("duplicate-and-previously-declined-by-user")
	default:
		return s.reply("duplicate")
	}
}

// reply is the answer with the state of the authorization. enabled means that
// the application may charge the user.
func (s *SubscriptionAuthorization) reply(status string) reply {
	answer := success()
	answer["status"], answer["id"] = status, s.ID
	answer["pending"], answer["enabled"] = s.State == SubscriptionPending, s.State == SubscriptionApproved
	return answer
}

// subscribed returns the reason why the user can't be charged under a
// subscription.
func (g *Gloebit) subscribed(c *call, subscriptionID string) (status, reason string) {
	subscription := g.subscription(subscriptionID)
	if subscription == nil || subscription.Application != c.app.Key {
		return "unknown-subscription", "unknown subscription"
	}
	authorization := g.authorizationOf(subscriptionID, c.user.id)
	switch {
	case authorization == nil:
		return "unknown-subscription-authorization", "the user was never asked to authorize the subscription"
	case authorization.State == SubscriptionPending:
		return "subscription-authorization-pending", "the user has yet to authorize the subscription"
	case authorization.State == SubscriptionDeclined:
		return "subscription-authorization-declined", "the user declined the subscription"
	case subscription.Disabled:
		return "subscription-disabled", "the subscription is disabled"
	}
	return "", ""
}

// adoptSubscriptionAuthorizations restores saved authorizations.
func (g *Gloebit) adoptSubscriptionAuthorizations(list []*SubscriptionAuthorization) error {
	for _, s := range list {
		if s == nil || s.ID == "" {
			return errors.New("a subscription authorization without an id")
		}
		if g.subscriptionAuthorization(s.ID) != nil {
			return fmt.Errorf("subscription authorization %q is there twice", s.ID)
		}
		switch s.State {
		case SubscriptionPending, SubscriptionApproved, SubscriptionDeclined:
		default:
			return fmt.Errorf("subscription authorization %q is in the unknown state %q", s.ID, s.State)
		}
		g.subscriptionAuthorizations = append(g.subscriptionAuthorizations, s)
	}
	return nil
}
