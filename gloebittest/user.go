package gloebittest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"

	"github.com/google/uuid"
)

// User is a person with a Gloebit account. Wherever a method takes a user,
// the id or the name will do.
type User struct {
	ID      string         // made (a UUID) when empty
	Name    string         // unique
	Email   string         // optional
	Balance string         // gloebits as a plain decimal, "1000" or "12.50"; empty means 0
	Params  map[string]any // what the id endpoint answers as params
	Locked  bool           // can neither spend nor receive
}

// account is a user as it is kept.
type account struct {
	id, name, email string
	balance         *big.Rat
	params          json.RawMessage
	locked          bool
	owned           possessions
	characters      []*character
	items           []*Item
}

// AddUser registers a user and returns it with its id filled in. It fails when
// the name is missing, the name or the id is taken, or the balance is not a
// plain decimal.
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

// User returns the user with that id or name, and whether there is one.
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

// Balance returns what the user can spend, in gloebits, as a plain decimal.
// Gloebits on hold for a queued transaction are not in it. It is empty for an
// unknown user.
func (g *Gloebit) Balance(user string) string {
	u, _ := g.User(user)
	return u.Balance
}

// AddBalance adds a plain decimal amount of gloebits, which may be negative,
// to the user's balance, as buying gloebits does. It fails when the amount is
// no decimal, the user is unknown or the balance would fall below zero.
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

// Lock locks or unlocks the user's account: a locked one can't spend, and
// applications it owns can't be paid.
func (g *Gloebit) Lock(user string, locked bool) error {
	return g.updateUser(user, func(a *account) error {
		a.locked = locked
		return nil
	})
}

// Products returns what the user owns of the application's products. Products
// whose transaction is still queued are not in it.
func (g *Gloebit) Products(appKey, user string) map[string]int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a := g.user(user); a != nil {
		return a.owned.of(appKey)
	}
	return map[string]int64{}
}

// GrantProduct adds count, which may be negative, to how many of the
// application's product the user owns. It fails when the application does not
// sell it or the user would own less than none.
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

// user finds a user by id or name. The caller holds g.mu.
func (g *Gloebit) user(user string) *account {
	for _, a := range g.users {
		if a.id == user || a.name == user {
			return a
		}
	}
	return nil
}

// userByID finds a user by id alone. The caller holds g.mu.
func (g *Gloebit) userByID(id string) *account {
	for _, a := range g.users {
		if a.id == id {
			return a
		}
	}
	return nil
}

// total counts what the user and the user's characters own of a product.
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

// decodeParams reads params back with numbers as json.Number, so that none is
// rounded on the way.
func decodeParams(raw json.RawMessage) map[string]any {
	params := make(map[string]any)
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	if err := dec.Decode(&params); err != nil {
		return nil
	}
	return params
}
