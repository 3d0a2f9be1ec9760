package gloebit

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/go-gloebit/gloebit/connect"
)

// Subscription is a recurring payment that users can authorize once, so that
// the application can charge them in their absence.
type Subscription struct {
	LocalID     string // the application's own id for it, unique
	Name        string
	Description string
}

// CreatedSubscription is Gloebit's response to a new subscription.
type CreatedSubscription struct {
	ID      string
	Status  string // "success", "created" or "duplicate"; with "duplicate", this subscription was created before
	Enabled bool
	// Existing is the subscription that already has the local ID. It is set
	// when the error is ErrSubscriptionExists.
	Existing *ExistingSubscription
}

// ExistingSubscription is another subscription under the same local id.
type ExistingSubscription struct {
	ID          string `json:"existing-subscription-id"`
	Name        string `json:"existing-subscription-name"`
	Description string `json:"existing-subscription-description"`
}

// CreateSubscription creates a subscription of the application. It needs no
// user: it sends the application's credentials in the body. It calls POST
// create-subscription, once; a second call with the same values returns the
// status "duplicate". Besides the errors that [Client] lists, it returns
// ErrSubscriptionExists when another subscription has the local id.
func (m *Merchant) CreateSubscription(ctx context.Context, s Subscription) (CreatedSubscription, error) {
	if s.LocalID == "" || s.Name == "" {
		return CreatedSubscription{}, fmt.Errorf("%w: a subscription needs a local id and a name", ErrInvalidRequest)
	}
	var answer struct {
		ID      string       `json:"id"`
		Status  optionalText `json:"status"`
		Enabled *bool        `json:"enabled"`
	}
	var existing ExistingSubscription
	client, sent := m.unsaved(connect.Credential{}), connect.Credential{}
	call := call{name: "create-subscription", method: http.MethodPost, sent: &sent, failed: &existing,
		body: map[string]any{
			"client_id":       m.config.ClientID,
			"client_secret":   m.config.ClientSecret.Reveal(),
			"application-key": m.config.ClientID,
			"local-id":        s.LocalID,
			"name":            s.Name,
			"description":     s.Description,
		}}
	if err := client.do(ctx, call, &answer); err != nil {
		if existing.ID != "" {
			return CreatedSubscription{Existing: &existing}, err
		}
		return CreatedSubscription{}, err
	}
	if answer.ID == "" || answer.Enabled == nil {
		return CreatedSubscription{}, call.bad("without id or enabled")
	}
	return CreatedSubscription{
		ID: answer.ID, Status: client.words(answer.Status.text, &sent), Enabled: *answer.Enabled,
	}, nil
}

// SubscriptionAuthorization is a user's authorization of a subscription.
type SubscriptionAuthorization struct {
	ID      string
	Status  string // "success", "created", "duplicate", "duplicate-and-already-approved-by-user", ...
	Pending bool   // the user has neither approved nor declined yet
	Enabled bool   // the application may charge
}

// CreateSubscriptionAuthorization asks for the user's authorization of a
// subscription; the user gives it at [Merchant.SubscriptionAuthorizationURL].
// It needs ScopeTransact and calls POST create-subscription-authorization,
// once; a second call returns a status that begins with "duplicate". Besides
// the errors that [Client] lists, it returns ErrUnknownSubscription,
// ErrSubscriptionMismatch, ErrSubscriptionDisabled, ErrCannotTransact,
// ErrQueuingFailed when the server asks to try again, and
// ErrSubscriptionAuthorizationDeclined when the user declined before. With
// ErrSubscriptionAuthorizationDeclined it also returns the authorization's ID,
// and the application may ask the user again at SubscriptionAuthorizationURL.
func (c *Client) CreateSubscriptionAuthorization(
	ctx context.Context, subscriptionID string,
) (SubscriptionAuthorization, error) {
	if subscriptionID == "" {
		return SubscriptionAuthorization{}, fmt.Errorf("%w: the subscription has no id", ErrInvalidRequest)
	}
	body := map[string]any{
		"application-key": c.merchant.config.ClientID,
		"request-created": c.merchant.base.Clock().Unix(),
		"subscription-id": subscriptionID,
	}
	username, err := c.username(ctx, "")
	if err != nil {
		return SubscriptionAuthorization{}, err
	}
	body["username-on-application"] = username
	putText(body, "user-id-on-application", c.User().ID)
	putText(body, "app-user-id", c.account.Credential().Subject)
	var answer, refused authorizationAnswer
	var sent connect.Credential
	call := call{
		name: "create-subscription-authorization", method: http.MethodPost, scope: ScopeTransact, body: body, sent: &sent,
		failed: &refused,
	}
	if err := c.do(ctx, call, &answer); err != nil {
		refused.Status.text = c.words(refused.Status.text, &sent)
		return refused.authorization(), err
	}
	if answer.ID == "" || answer.Pending == nil || answer.Enabled == nil {
		return SubscriptionAuthorization{}, call.bad("without id, pending or enabled")
	}
	answer.Status.text = c.words(answer.Status.text, &sent)
	if answer.Status.text == declinedBefore { // some servers report it as a success
		return answer.authorization(), &APIError{
			Call: call.name, StatusCode: http.StatusOK, Status: answer.Status.text,
			causes: []error{ErrSubscriptionAuthorizationDeclined},
		}
	}
	return answer.authorization(), nil
}

const declinedBefore = "duplicate-and-previously-declined-by-user"

type authorizationAnswer struct {
	ID      string       `json:"id"`
	Status  optionalText `json:"status"`
	Pending *bool        `json:"pending"`
	Enabled *bool        `json:"enabled"`
}

func (a authorizationAnswer) authorization() SubscriptionAuthorization {
	return SubscriptionAuthorization{
		ID: a.ID, Status: a.Status.text,
		Pending: a.Pending != nil && *a.Pending,
		Enabled: a.Enabled != nil && *a.Enabled,
	}
}

// SubscriptionAuthorizationURL returns the URL of Gloebit's page where the user
// approves or declines a subscription authorization, to put in a link. The
// page's path is authorize-subscription/ID/.
func (m *Merchant) SubscriptionAuthorizationURL(authorizationID string) string {
	return m.provider.APIURL + "authorize-subscription/" + url.PathEscape(authorizationID) + "/"
}
