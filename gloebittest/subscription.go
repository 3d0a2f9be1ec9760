package gloebittest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// Subscription is something that an application charges its users for
// repeatedly, after they have authorized it.
type Subscription struct {
	ID                string    `json:"id"`          // a UUID, chosen by the Gloebit
	Application       string    `json:"application"` // the application's key
	LocalID           string    `json:"local_id"`    // the application's ID for it, unique within the application
	Name              string    `json:"name"`
	Description       string    `json:"description,omitempty"`
	AdditionalDetails string    `json:"additional_details,omitempty"`
	Disabled          bool      `json:"disabled,omitempty"` // users can't authorize it or be charged under it
	Created           time.Time `json:"created"`
}

// Subscriptions returns the application's subscriptions, oldest first.
func (g *Gloebit) Subscriptions(appKey string) []Subscription {
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []Subscription
	for _, s := range g.subscriptions {
		if s.Application == appKey {
			list = append(list, *s)
		}
	}
	return list
}

// DisableSubscription disables or enables a subscription. It fails if the
// subscription doesn't exist.
func (g *Gloebit) DisableSubscription(id string, disabled bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := g.subscription(id)
	if s == nil {
		return fmt.Errorf("gloebittest: no subscription %q", id)
	}
	s.Disabled = disabled
	g.revision++
	return nil
}

// subscription returns the subscription with the ID, or nil. The caller holds
// g.mu.
func (g *Gloebit) subscription(id string) *Subscription {
	for _, s := range g.subscriptions {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// createSubscription serves create-subscription. The application sends its
// credentials in the body; no user is involved.
func (g *Gloebit) createSubscription(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		writeJSON(w, http.StatusBadRequest, failure("the request's body broke off"))
		return
	}
	body, reason := readFields(raw, r.Header.Get("Content-Type"), false)
	if reason != "" {
		writeJSON(w, http.StatusOK, failure(reason))
		return
	}
	writeJSON(w, http.StatusOK, g.keepSubscription(body))
}

func (g *Gloebit) keepSubscription(body fields) reply {
	g.mu.Lock()
	defer g.mu.Unlock()
	wanted := Subscription{Created: g.now()}
	var key, secret string
	for name, target := range map[string]*string{
		"client_id": &key, "client_secret": &secret, "application-key": &wanted.Application, "local-id": &wanted.LocalID,
		"name": &wanted.Name, "description": &wanted.Description, "additional_details": &wanted.AdditionalDetails,
	} {
		var reason string
		if *target, reason = body.text(name); reason != "" {
			return failure(reason)
		}
	}
	app := g.application(key)
	switch {
	case app == nil || !equalSecrets(app.Secret, secret):
		return failure("unknown consumer")
	case wanted.Application != key:
		return failed("mismatched-application-key", "application-key is not client_id")
	case wanted.LocalID == "":
		return failure("invalid local-id")
	case wanted.Name == "":
		return failure("invalid name")
	}
	for _, s := range g.subscriptions {
		if s.Application == key && s.LocalID == wanted.LocalID {
			return s.again(wanted)
		}
	}
	wanted.ID = uuid.NewString()
	g.subscriptions = append(g.subscriptions, &wanted)
	g.revision++
	return wanted.reply("success")
}

// again answers a second create-subscription with the same local ID.
func (s *Subscription) again(wanted Subscription) reply {
	if s.Name == wanted.Name && s.Description == wanted.Description && s.AdditionalDetails == wanted.AdditionalDetails {
		return s.reply("duplicate")
	}
	answer := failed("failed", "different subscription exists with this app-subscription-id")
	for name, value := range map[string]any{
		"id": s.ID, "name": s.Name, "description": s.Description, "additional_details": s.AdditionalDetails,
		"enabled": !s.Disabled, "ctime": s.Created.Unix(),
	} {
		answer["existing-subscription-"+name] = value
	}
	return answer
}

func (s *Subscription) reply(status string) reply {
	answer := success()
	answer["status"], answer["id"], answer["enabled"] = status, s.ID, !s.Disabled
	return answer
}

// adoptSubscriptions restores saved subscriptions.
func (g *Gloebit) adoptSubscriptions(list []*Subscription) error {
	for _, s := range list {
		if s == nil || s.ID == "" {
			return errors.New("a subscription without an id")
		}
		if g.subscription(s.ID) != nil {
			return fmt.Errorf("subscription %q is there twice", s.ID)
		}
		g.subscriptions = append(g.subscriptions, s)
	}
	return nil
}
