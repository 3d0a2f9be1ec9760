package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
)

// Fickle users disconnect and connect during the run, each with either of two
// Gloebit accounts.
const (
	fickleUsers = 6
	fickleShare = 10 // percent of the orders
)

func fickleUser(i int) string { return fmt.Sprintf("fickle-%d", i) }

// doorman connects users and disconnects them.
type doorman struct {
	gloebit *gloebittest.Server
	app     gloebittest.Application
	store   *sqlstore.Store
}

// accountsOf returns the two Gloebit accounts with which a fickle user
// connects.
func accountsOf(user string) [2]string { return [2]string{user, user + "-at-work"} }

// key returns the key under which the shops store a user's credential.
func (d *doorman) key(user string) connect.Key {
	return connect.Key{Realm: strings.Trim(strings.TrimPrefix(d.gloebit.URL, "http:"), "/") + "/" + d.app.Key, ID: user}
}

// open creates a Gloebit account.
func (d *doorman) open(name string, balance int) error {
	_, err := d.gloebit.AddUser(gloebittest.User{Name: name, Balance: fmt.Sprint(balance)})
	return err
}

// connect stores a credential with which the user is connected to the account.
func (d *doorman) connect(ctx context.Context, user, account string) error {
	token, err := d.gloebit.IssueToken(d.app.Key, account, string(gloebit.ScopeTransact))
	if err != nil {
		return err
	}
	known, _ := d.gloebit.User(account)
	return d.store.Update(ctx, d.key(user), func(context.Context, *connect.Credential) (*connect.Credential, error) {
		return &connect.Credential{
			AccessToken: gloebit.Secret(token), Subject: known.ID, Scopes: []gloebit.Scope{gloebit.ScopeTransact},
			ConnectedAt: time.Now().Truncate(time.Microsecond),
		}, nil
	})
}

// unsettle disconnects a fickle user from the shop, revokes an account's tokens
// at Gloebit, or connects the user with either account.
func (d *doorman) unsettle(ctx context.Context, random *rand.Rand) {
	user := fickleUser(random.IntN(fickleUsers))
	account := accountsOf(user)[random.IntN(2)]
	switch random.IntN(5) {
	case 0:
		_ = d.store.Delete(ctx, d.key(user)) // if the database is busy, the user stays connected
	case 1:
		d.gloebit.RevokeTokens(account)
	default:
		_ = d.connect(ctx, user, account)
	}
}

// unsettleAll repeats unsettle until the context ends.
func (d *doorman) unsettleAll(ctx context.Context, random *rand.Rand) {
	for ctx.Err() == nil {
		d.unsettle(ctx, random)
		sleep(ctx, time.Duration(random.Int64N(int64(60*time.Millisecond))))
	}
}

// takeTurns connects all fickle users with their two accounts in turn. A turn
// is long enough for the ledger to send the purchases that wait for that
// account. takeTurns returns when the context ends.
func (d *doorman) takeTurns(ctx context.Context) {
	for turn := 0; ctx.Err() == nil; turn++ {
		for i := range fickleUsers {
			user := fickleUser(i)
			for ctx.Err() == nil && d.connect(ctx, user, accountsOf(user)[turn%2]) != nil {
				sleep(ctx, 10*time.Millisecond)
			}
		}
		sleep(ctx, maxRetry+2*time.Second)
	}
}
