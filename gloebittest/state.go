package gloebittest

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// stateVersion is the version of the format of Save and Load.
const stateVersion = 1

// savedState is the persistent state, as JSON.
type savedState struct {
	Version      int            `json:"version"`
	Applications []*Application `json:"applications"`
	Users        []savedUser    `json:"users"`
	Approvals    []*Approval    `json:"approvals"`
	Tokens       []*token       `json:"tokens"`
	Transactions []*record      `json:"transactions"`

	Subscriptions              []*Subscription              `json:"subscriptions,omitempty"`
	SubscriptionAuthorizations []*SubscriptionAuthorization `json:"subscription_authorizations,omitempty"`
}

type savedUser struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Email      string          `json:"email,omitempty"`
	Balance    string          `json:"balance"`
	Params     json.RawMessage `json:"params"`
	Locked     bool            `json:"locked,omitempty"`
	Owned      possessions     `json:"owned,omitempty"`
	Characters []*character    `json:"characters,omitempty"`
	Items      []*Item         `json:"items,omitempty"`
}

// Save writes the persistent state as JSON: users with their characters and
// inventories, applications, approvals, tokens, subscriptions and transactions.
// The output contains secrets. It does not contain the decisions of Approve and
// Refuse, unused codes and request tokens, used nonces, faults and recorded
// requests. Save writes a consistent state, even while requests are served.
func (g *Gloebit) Save(w io.Writer) error {
	data, err := g.encode()
	if err != nil {
		return fmt.Errorf("gloebittest: save: %w", err)
	}
	if _, err := w.Write(data); err != nil {
		return fmt.Errorf("gloebittest: save: %w", err)
	}
	return nil
}

func (g *Gloebit) encode() ([]byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	state := savedState{
		Version: stateVersion, Applications: g.applications, Approvals: g.approvals, Transactions: g.transactions,
		Subscriptions: g.subscriptions, SubscriptionAuthorizations: g.subscriptionAuthorizations,
	}
	for _, a := range g.users {
		state.Users = append(state.Users, savedUser{
			ID: a.id, Name: a.name, Email: a.email, Balance: formatDecimal(a.balance),
			Params: a.params, Locked: a.locked, Owned: a.owned, Characters: a.characters, Items: a.items,
		})
	}
	for _, t := range g.tokens {
		state.Tokens = append(state.Tokens, t)
	}
	slices.SortFunc(state.Tokens, func(a, b *token) int { return strings.Compare(a.Access, b.Access) })
	return json.MarshalIndent(state, "", "\t")
}

// Load replaces the persistent state with the output of Save. If it fails,
// nothing has changed. Callbacks that were waiting are made again.
func (g *Gloebit) Load(r io.Reader) error {
	var state savedState
	if err := json.NewDecoder(r).Decode(&state); err != nil {
		return fmt.Errorf("gloebittest: load: %w", err)
	}
	if state.Version != stateVersion {
		return fmt.Errorf("gloebittest: load: version %d is not %d", state.Version, stateVersion)
	}
	loaded := New(g.cfg)
	if err := loaded.adopt(state); err != nil {
		return fmt.Errorf("gloebittest: load: %w", err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.applications, g.users, g.approvals = loaded.applications, loaded.users, loaded.approvals
	g.tokens, g.refreshTokens = loaded.tokens, loaded.refreshTokens
	g.codes, g.requestTokens = loaded.codes, loaded.requestTokens
	g.transactions, g.transactionIndex = loaded.transactions, loaded.transactionIndex
	g.subscriptions, g.subscriptionAuthorizations = loaded.subscriptions, loaded.subscriptionAuthorizations
	g.pending = loaded.pending
	g.revision++
	g.signal()
	return nil
}

// adopt fills a new Gloebit, which no other goroutine uses yet.
func (g *Gloebit) adopt(state savedState) error {
	for _, s := range state.Users {
		if err := g.adoptUser(s); err != nil {
			return err
		}
	}
	for _, app := range state.Applications {
		if app == nil || app.Key == "" || app.Secret == "" {
			return fmt.Errorf("an application without a key or a secret")
		}
		if _, err := g.AddApplication(*app); err != nil {
			return err
		}
	}
	for _, p := range state.Approvals {
		if p == nil {
			return fmt.Errorf("an approval is null")
		}
		g.approvals = append(g.approvals, p)
	}
	for _, t := range state.Tokens {
		if t == nil || t.Access == "" {
			return fmt.Errorf("a token without a secret")
		}
		g.keepToken(t)
	}
	if err := g.adoptSubscriptions(state.Subscriptions); err != nil {
		return err
	}
	if err := g.adoptSubscriptionAuthorizations(state.SubscriptionAuthorizations); err != nil {
		return err
	}
	return g.adoptTransactions(state.Transactions)
}

func (g *Gloebit) adoptUser(s savedUser) error {
	if s.ID == "" {
		return fmt.Errorf("user %q has no id", s.Name)
	}
	if _, err := g.AddUser(User{
		ID: s.ID, Name: s.Name, Email: s.Email, Balance: s.Balance, Locked: s.Locked,
	}); err != nil {
		return err
	}
	a := g.userByID(s.ID)
	if s.Params != nil {
		a.params = s.Params
	}
	a.owned.adopt(s.Owned)
	if err := a.adoptCharacters(s.Characters); err != nil {
		return err
	}
	return a.adoptItems(s.Items)
}

func (g *Gloebit) adoptTransactions(list []*record) error {
	for _, t := range list {
		if t == nil || t.ID == "" {
			return fmt.Errorf("a transaction without an id")
		}
		key := transactionKey{t.Application, t.ID}
		if g.transactionIndex[key] != nil {
			return fmt.Errorf("transaction %q is there twice", t.ID)
		}
		g.transactions = append(g.transactions, t)
		g.transactionIndex[key] = t
		urls := map[string]string{"enact": t.Hold.Enact, "consume": t.Hold.Consume, "cancel": t.Hold.Cancel}
		if t.Next == "" {
			continue
		}
		if urls[t.Next] == "" {
			return fmt.Errorf("transaction %q waits for a callback that it has no URL for", t.ID)
		}
		g.pending = append(g.pending, &delivery{record: t, step: t.Next, url: urls[t.Next], due: t.Due})
	}
	return nil
}

// Revision returns a number that grows with each change of the persistent
// state. If it has not changed, there is nothing new to save.
func (g *Gloebit) Revision() uint64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.revision
}
