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

// Of a hundred orders, some are placed by users who disconnect and connect in
// the middle, with one of two accounts at Gloebit.
const (
	fickleUsers = 6
	fickleShare = 10
)

func fickleUser(i int) string { return fmt.Sprintf("fickle-%d", i) }

// doorman connects users and disconnects them.
type doorman struct {
	gloebit *gloebittest.Server
	app     gloebittest.Application
	store   *sqlstore.Store
}

// accountsOf are the accounts at Gloebit with which a user connects.
func accountsOf(user string) [2]string { return [2]string{user, user + "-at-work"} }

// key is what the shops keep a user's credential under.
func (d *doorman) key(user string) connect.Key {
	return connect.Key{Realm: strings.Trim(strings.TrimPrefix(d.gloebit.URL, "http:"), "/") + "/" + d.app.Key, ID: user}
}

// open makes an account.
func (d *doorman) open(name string, balance int) error {
	_, err := d.gloebit.AddUser(gloebittest.User{Name: name, Balance: fmt.Sprint(balance)})
	return err
}

// connect connects a user with an account.
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

// unsettle has a fickle user disconnect here, revoke the token at Gloebit, or
// connect with either account.
func (d *doorman) unsettle(ctx context.Context, random *rand.Rand) {
	user := fickleUser(random.IntN(fickleUsers))
	account := accountsOf(user)[random.IntN(2)]
	switch random.IntN(5) {
	case 0:
		_ = d.store.Delete(ctx, d.key(user)) // a database that is busy leaves it for another time
	case 1:
		d.gloebit.RevokeTokens(account)
	default:
		_ = d.connect(ctx, user, account)
	}
}

// unsettleAll goes on until the context ends.
func (d *doorman) unsettleAll(ctx context.Context, random *rand.Rand) {
	for ctx.Err() == nil {
		d.unsettle(ctx, random)
		sleep(ctx, time.Duration(random.Int64N(int64(60*time.Millisecond))))
	}
}

// takeTurns connects all fickle users with the one account, and then with the
// other, for so long that what waits for either is sent. It returns when the
// context ends.
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
