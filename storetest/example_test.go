package storetest_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/storetest"
)

// kept is a TokenStore and a StateStore in a map, with one lock for all users.
type kept struct {
	turn chan struct{} // full while an Update runs
	rows sync.Map      // user ids and state keys, and what EncodeCredential and EncodePendingConnection made
}

func newKept() *kept { return &kept{turn: make(chan struct{}, 1)} }

// userRow and stateRow name a row. No realm has a NUL in it.
func userRow(key connect.Key) string  { return "user " + key.Realm + "\x00" + key.ID }
func stateRow(key connect.Key) string { return "state " + key.Realm + "\x00" + key.ID }

func (s *kept) Load(ctx context.Context, key connect.Key) (connect.Credential, error) {
	row, ok := s.rows.Load(userRow(key))
	if err := ctx.Err(); err != nil {
		return connect.Credential{}, err
	}
	if !ok {
		return connect.Credential{}, connect.ErrNotFound
	}
	return connect.DecodeCredential(row.([]byte))
}

func (s *kept) Update(
	ctx context.Context, key connect.Key, fn func(context.Context, *connect.Credential) (*connect.Credential, error),
) error {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	var current *connect.Credential
	credential, err := s.Load(ctx, key)
	if err == nil {
		current = &credential
	} else if !errors.Is(err, connect.ErrNotFound) {
		return err
	}
	next, err := fn(ctx, current)
	if err != nil {
		return err
	}
	if next == nil {
		s.rows.Delete(userRow(key))
		return nil
	}
	row, err := connect.EncodeCredential(*next)
	if err == nil {
		s.rows.Store(userRow(key), row)
	}
	return err
}

func (s *kept) Delete(ctx context.Context, key connect.Key) error {
	return s.Update(ctx, key, func(context.Context, *connect.Credential) (*connect.Credential, error) { return nil, nil })
}

func (s *kept) Put(ctx context.Context, key connect.Key, pending connect.PendingConnection) error {
	row, err := connect.EncodePendingConnection(pending)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return err
	}
	if _, used := s.rows.LoadOrStore(stateRow(key), row); used {
		return errors.New("the state's key is in use")
	}
	return nil
}

func (s *kept) Take(ctx context.Context, key connect.Key) (connect.PendingConnection, error) {
	if err := ctx.Err(); err != nil {
		return connect.PendingConnection{}, err
	}
	row, ok := s.rows.LoadAndDelete(stateRow(key))
	if !ok {
		return connect.PendingConnection{}, connect.ErrNotFound
	}
	return connect.DecodePendingConnection(row.([]byte))
}

// A store keeps what EncodeCredential returns, here in a map.
func Example() {
	tokens := newKept()
	merchant, err := gloebit.New(gloebit.Config{
		ClientID: "key", ClientSecret: "secret", RedirectURL: "https://shop.example/gloebit/callback",
		Provider: gloebit.Sandbox(), Tokens: tokens, States: tokens,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = merchant.Client(context.Background(), "alice")
	fmt.Println(errors.Is(err, connect.ErrNotConnected))
	// Output: true
}

func TestStoreOfEncodedValues(t *testing.T) {
	t.Parallel()
	storetest.RunTokenStore(t, func(*testing.T) connect.TokenStore { return newKept() })
	storetest.RunStateStore(t, func(*testing.T) connect.StateStore { return newKept() })
}
