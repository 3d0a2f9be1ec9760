package gloebittest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"

	"github.com/google/uuid"
)

// User is a person with a Gloebit account. Methods that take a user accept the
// ID or the name.
type User struct {
	ID      string         // a new UUID if empty
	Name    string         // unique
	Email   string         // optional
	Balance string         // gloebits as a plain decimal, "1000" or "12.50"; empty means 0
	Params  map[string]any // params in the answer of the id endpoint
	Locked  bool           // can neither spend nor receive
}

// account is a stored user.
type account struct {
	id, name, email string
	balance         *big.Rat
	params          json.RawMessage
	locked          bool
	owned           possessions
	characters      []*character
	items           []*Item
}

// AddUser registers a user and returns it with its ID. It fails if the name is
// missing, the name or the ID is taken, the balance is not a plain decimal, or
// Params can't be encoded as JSON.
func (g *Gloebit) AddUser(u User) (User, error) {
	if u.ID == "" {
		u.ID = uuid.NewString()
	}
	if u.Balance == "" {
		u.Balance = "0"
	}
	balance, err := parseDecimal(u.Balance)
	if err != nil {
		return User{}, fmt.Errorf("gloebittest: user %q: balance: %w", u.Name, err)
	}
	params, err := encodeParams(u.Params)
	if err != nil {
		return User{}, fmt.Errorf("gloebittest: user %q: params: %w", u.Name, err)
	}
	if u.Name == "" {
		return User{}, errors.New("gloebittest: a user needs a name")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.user(u.ID) != nil || g.user(u.Name) != nil {
		return User{}, fmt.Errorf("gloebittest: user %q (%s) exists already", u.Name, u.ID)
	}
	g.users = append(g.users, &account{
		id: u.ID, name: u.Name, email: u.Email, balance: balance, params: params, locked: u.Locked,
		owned: make(possessions),
	})
	g.revision++
	return u, nil
}

// User returns the user with the ID or name, and whether it exists.
func (g *Gloebit) User(user string) (User, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.user(user)
	if a == nil {
		return User{}, false
	}
	return a.export(), true
}

// Users returns all users, in the order they were added.
func (g *Gloebit) Users() []User {
	g.mu.Lock()
	defer g.mu.Unlock()
	users := make([]User, 0, len(g.users))
	for _, a := range g.users {
		users = append(users, a.export())
	}
	return users
}

// Balance returns the gloebits that the user can spend, as a plain decimal.
// Gloebits on hold are not included. It is empty for an unknown user.
func (g *Gloebit) Balance(user string) string {
	u, _ := g.User(user)
	return u.Balance
}

// AddBalance adds an amount of gloebits, a plain decimal that may be negative,
// to the user's balance. It fails if the amount is not a decimal, the user is
// unknown or the balance would become negative.
func (g *Gloebit) AddBalance(user, amount string) error {
	delta, err := parseDecimal(amount)
	if err != nil {
		return fmt.Errorf("gloebittest: add to balance: %w", err)
	}
	return g.updateUser(user, func(a *account) error {
		sum := new(big.Rat).Add(a.balance, delta)
		if sum.Sign() < 0 {
			return fmt.Errorf("gloebittest: the balance of %q would fall below zero", a.name)
		}
		a.balance = sum
		return nil
	})
}

// Lock locks or unlocks the user's account. A locked account can't spend or be
// paid, as a seller or as the owner of an application.
func (g *Gloebit) Lock(user string, locked bool) error {
	return g.updateUser(user, func(a *account) error {
		a.locked = locked
		return nil
	})
}

// Products returns how many of each of the application's products the user
// owns. Products of queued transactions are not included.
func (g *Gloebit) Products(appKey, user string) map[string]int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a := g.user(user); a != nil {
		return a.owned.of(appKey)
	}
	return map[string]int64{}
}

// GrantProduct adds count, which may be negative, to the user's number of a
// product. It fails if the user or the application is unknown, the application
// does not sell the product, or the number would become negative.
func (g *Gloebit) GrantProduct(appKey, user, product string, count int64) error {
	return g.updateUser(user, func(a *account) error {
		app := g.application(appKey)
		if app == nil {
			return fmt.Errorf("gloebittest: no application %q", appKey)
		}
		if _, ok := app.product(product); !ok {
			return fmt.Errorf("gloebittest: application %q has no product %q", app.Name, product)
		}
		if a.owned[appKey][product]+count < 0 {
			return fmt.Errorf("gloebittest: %q would own less than none of %q", a.name, product)
		}
		a.owned.add(appKey, product, count)
		return nil
	})
}

// updateUser changes one user under the lock.
func (g *Gloebit) updateUser(user string, fn func(*account) error) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.user(user)
	if a == nil {
		return fmt.Errorf("gloebittest: no user %q", user)
	}
	if err := fn(a); err != nil {
		return err
	}
	g.revision++
	return nil
}

// user returns the user with the ID or name, or nil. The caller holds g.mu.
func (g *Gloebit) user(user string) *account {
	for _, a := range g.users {
		if a.id == user || a.name == user {
			return a
		}
	}
	return nil
}

// userByID returns the user with the ID, or nil. The caller holds g.mu.
func (g *Gloebit) userByID(id string) *account {
	for _, a := range g.users {
		if a.id == id {
			return a
		}
	}
	return nil
}

// total counts a product that the user and the user's characters own.
func (a *account) total(appKey, product string) int64 {
	count := a.owned[appKey][product]
	for _, c := range a.characters {
		count += c.Owned[appKey][product]
	}
	return count
}

func (a *account) export() User {
	return User{
		ID: a.id, Name: a.name, Email: a.email, Balance: formatDecimal(a.balance),
		Params: decodeParams(a.params), Locked: a.locked,
	}
}

func encodeParams(params map[string]any) (json.RawMessage, error) {
	if params == nil {
		return json.RawMessage("{}"), nil
	}
	return json.Marshal(params)
}

// decodeParams decodes params without rounding numbers.
func decodeParams(raw json.RawMessage) map[string]any {
	params := make(map[string]any)
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&params); err != nil {
		return nil
	}
	return params
}
