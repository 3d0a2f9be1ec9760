package storefront

import (
	"context"
	"errors"
	"net/http"

	"github.com/go-gloebit/gloebit"

	"github.com/go-gloebit/gloebit/examples/internal/views"
)

// Trouble is the page that explains an error. Back is the local path of the
// visitor's last page: Connect and Try again lead there. The error itself is
// never shown.
func (s *Storefront) Trouble(ctx context.Context, back string, err error) Reply {
	var failed *gloebit.ConnectError
	if errors.As(err, &failed) {
		s.notice(ctx) // removes the greeting that Connected stored
	}
	words := explain(err)
	page := views.Trouble{Frame: s.quietFrame(ctx, words.title, back), Words: words.text}
	switch words.next {
	case nextConnect:
		page.Act = &views.Action{Label: "Connect with Gloebit", URL: page.ConnectURL}
		page.Visitor, page.ConnectURL = nil, "" // one Connect button is enough
	case nextAllow:
		page.Act = &views.Action{Label: "Allow it at Gloebit", URL: s.config.ConnectURL(back, missing(err)...)}
	case nextRetry:
		page.Act = &views.Action{Label: "Try again", URL: back}
	}
	return Reply{Status: gloebit.StatusCode(err), Page: page}
}

// NotFound is the page for an unknown path.
func (s *Storefront) NotFound(ctx context.Context) (Reply, error) {
	return Reply{Status: http.StatusNotFound, Page: views.Trouble{
		Frame: s.frame(ctx, "There is nothing here", "", PathShelf),
		Words: []string{
			"We looked behind the mirror and under the counter. Whatever should be at this address has been sold, or never was.",
		},
	}}, nil
}

// CrossOrigin is the page for a form that another site sent.
func (s *Storefront) CrossOrigin(ctx context.Context) Reply {
	return s.Trouble(ctx, PathShelf, gloebit.ErrCrossOrigin)
}

// badForm is the page for a form that can't be parsed.
func (s *Storefront) badForm(ctx context.Context, back string) (Reply, error) {
	return Reply{Status: http.StatusBadRequest, Page: views.Trouble{
		Frame: s.frame(ctx, "The shop can’t read this form", "", back),
		Words: []string{
			"An order is for 1 to 99 pieces, and comes from one of the shop’s own pages. This one was not accepted.",
		},
		Act: &views.Action{Label: "Go back and try again", URL: back},
	}}, nil
}

// quietFrame returns the layout of a page without requests to Gloebit, which
// may be the cause of the error.
func (s *Storefront) quietFrame(ctx context.Context, title, back string) views.Frame {
	f := views.Frame{Title: title, ConnectURL: s.config.ConnectURL(back)}
	if client, ok := gloebit.FromContext(ctx); ok {
		f.Visitor = visitor(client, back)
	}
	return f
}

type next int

const (
	nextNothing next = iota
	nextConnect
	nextAllow
	nextRetry
)

type explanation struct {
	title string
	text  []string
	next  next
}

// explain returns the explanation of an error. The first match counts.
func explain(err error) explanation {
	for _, e := range explanations() {
		if errors.Is(err, e.err) {
			return e.explanation
		}
	}
	return explanation{
		"Something broke behind the counter", []string{"It is our fault and not yours. Please try again in a moment."},
		nextRetry,
	}
}

type errorExplanation struct {
	err error
	explanation
}

func explanations() []errorExplanation {
	return []errorExplanation{
		{gloebit.ErrTokenRefused, explanation{"Gloebit no longer knows this connection", []string{
			"The permission you gave the shop was withdrawn at Gloebit, or replaced by a newer one.",
			"Connect again and you come back to where you were.",
		}, nextConnect}},
		{gloebit.ErrStore, explanation{"The shop can’t find its own books", []string{
			"Our records are out of reach right now. Please try again in a moment.",
		}, nextRetry}},
		{gloebit.ErrAccessDenied, explanation{"No is a fine answer", []string{
			"You did not let the shop connect with your Gloebit account, so it got no new access. Looking round costs nothing.",
			"If you change your mind, connect whenever you like.",
		}, nextConnect}},
		{gloebit.ErrInvalidState, explanation{"Let’s start that again", []string{
			"This attempt to connect took too long, was used already, or began in another browser.",
		}, nextConnect}},
		{gloebit.ErrInvalidReturnTo, explanation{"That link leads elsewhere", []string{
			"It would have led you away from the shop, so the shop did not follow it.",
		}, nextNothing}},
		{gloebit.ErrUserChanged, explanation{"Another user came back", []string{
			"The connection was begun by one person and finished by another, so the shop left it alone.",
		}, nextConnect}},
		{gloebit.ErrTokenExchange, explanation{"Gloebit did not finish the connection", []string{
			"You approved, but no key arrived. Please start again.",
		}, nextConnect}},
		{gloebit.ErrAuthorizationFailed, explanation{"Gloebit did not finish the connection", []string{
			"Gloebit could not complete the approval. Please start again.",
		}, nextConnect}},
		{gloebit.ErrScopeMissing, explanation{"The shop may not do this yet", []string{
			"You connected, but did not allow the shop to do this. You can allow it at Gloebit and come straight back.",
		}, nextAllow}},
		{gloebit.ErrNotConnected, explanation{"First, connect with Gloebit", []string{
			"To buy and to see your things, the shop needs your permission at Gloebit. " +
				"You come straight back to where you were.",
		}, nextConnect}},
		{gloebit.ErrCrossOrigin, explanation{"That came from another site", []string{
			"The shop only takes orders that come from its own pages. This one was not accepted.",
		}, nextNothing}},
		{gloebit.ErrCannotSpend, explanation{"Your Gloebit account can’t spend right now", []string{
			"Gloebit has locked the account, and only Gloebit can unlock it. The order was not accepted.",
		}, nextNothing}},
		{gloebit.ErrRefused, explanation{"Gloebit said no to this", []string{
			"Gloebit refused the order without giving us a reason we understand. The order was not accepted.",
		}, nextNothing}},
		{gloebit.ErrUnavailable, explanation{"Gloebit is not answering", []string{
			"We knocked, but the door stayed shut. Please try again in a moment.",
		}, nextRetry}},
		{gloebit.ErrRateLimited, explanation{"Gloebit is not answering", []string{
			"It is a busy day there. Please try again in a moment.",
		}, nextRetry}},
		{context.DeadlineExceeded, explanation{"Gloebit is not answering", []string{
			"We waited, but no answer came. Please try again in a moment.",
		}, nextRetry}},
		{gloebit.ErrInvalidResponse, explanation{"Gloebit mumbled", []string{
			"An answer came that the shop can’t read. Please try again in a moment.",
		}, nextRetry}},
	}
}

// missing returns the scopes that are missing according to the error, if any.
func missing(err error) []gloebit.Scope {
	var narrow *gloebit.ScopeError
	if errors.As(err, &narrow) {
		return narrow.Missing
	}
	var call *gloebit.APIError
	if errors.As(err, &call) && call.Scope != "" {
		return []gloebit.Scope{call.Scope}
	}
	return nil
}
