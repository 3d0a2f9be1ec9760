package gloebittest

import (
	"slices"
	"time"
)

// Approval is a user's consent to an application's access.
type Approval struct {
	Application     string    `json:"application"` // the application's key
	ApplicationName string    `json:"-"`
	User            string    `json:"user"`                 // the user's id
	Scopes          []string  `json:"scopes"`               // all scopes granted so far
	UserLabel       string    `json:"user_label,omitempty"` // the application's name for the user
	Time            time.Time `json:"time"`                 // of the latest consent
}

// Approvals returns the user's approvals, in the order in which the
// applications were first approved.
func (g *Gloebit) Approvals(user string) []Approval {
	g.mu.Lock()
	defer g.mu.Unlock()
	var list []Approval
	a := g.user(user)
	if a == nil {
		return nil
	}
	for _, approval := range g.approvals {
		if approval.User != a.id {
			continue
		}
		c := *approval
		c.Scopes = slices.Clone(c.Scopes)
		if app := g.application(c.Application); app != nil {
			c.ApplicationName = app.Name
		}
		list = append(list, c)
	}
	return list
}

// RevokeApproval revokes the application's access to the user's account: its
// tokens, and its unused codes and verifiers. It reports whether the user had
// approved the application.
func (g *Gloebit) RevokeApproval(user, appKey string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.user(user)
	if a == nil {
		return false
	}
	g.removeTokens(func(t *token) bool { return t.User == a.id && t.Application == appKey })
	for d, c := range g.codes {
		if c.user == a.id && c.application == appKey {
			delete(g.codes, d)
		}
	}
	for d, t := range g.requestTokens {
		if t.user == a.id && t.application == appKey {
			delete(g.requestTokens, d)
		}
	}
	before := len(g.approvals)
	g.approvals = slices.DeleteFunc(g.approvals, func(p *Approval) bool {
		return p.User == a.id && p.Application == appKey
	})
	g.revision++
	return len(g.approvals) < before
}

// approval returns the user's approval of an application, or nil. The caller
// holds g.mu.
func (g *Gloebit) approval(appKey, userID string) *Approval {
	for _, p := range g.approvals {
		if p.Application == appKey && p.User == userID {
			return p
		}
	}
	return nil
}

// approve records a consent. The caller holds g.mu.
func (g *Gloebit) approve(appKey, userID string, scopes []string, label string) {
	p := g.approval(appKey, userID)
	if p == nil {
		p = &Approval{Application: appKey, User: userID}
		g.approvals = append(g.approvals, p)
	}
	for _, s := range scopes {
		if !hasScope(p.Scopes, s) {
			p.Scopes = append(p.Scopes, s)
		}
	}
	if label != "" {
		p.UserLabel = label
	}
	p.Time = g.now()
	g.revision++
}
