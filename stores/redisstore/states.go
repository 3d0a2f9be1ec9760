package redisstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/redis/go-redis/v9"
)

// Put implements [connect.StateStore]. A connection that has expired already is
// not kept, which is no error. A Put whose answer was lost on the way and that
// go-redis sent again is an error like any second Put: its user starts again.
func (s *Store) Put(ctx context.Context, key connect.Key, pending connect.PendingConnection) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !s.now().Before(pending.ExpiresAt) {
		return nil
	}
	record, err := connect.EncodePendingConnection(pending)
	if err != nil {
		return err
	}
	kept, err := s.client.SetNX(ctx, s.stateKey(key), record, s.keep(pending.ExpiresAt)).Result()
	if err != nil {
		return failed(ctx, "put the state", err)
	}
	if !kept {
		return errors.New("redisstore: a state was put twice")
	}
	return nil
}

// Take implements [connect.StateStore]. A Take whose answer was lost on the way
// finds nothing when it is sent again: a state is given once or never.
func (s *Store) Take(ctx context.Context, key connect.Key) (connect.PendingConnection, error) {
	if err := ctx.Err(); err != nil {
		return connect.PendingConnection{}, err
	}
	record, err := s.client.GetDel(ctx, s.stateKey(key)).Bytes()
	if errors.Is(err, redis.Nil) {
		return connect.PendingConnection{}, connect.ErrNotFound
	}
	if err != nil {
		return connect.PendingConnection{}, failed(ctx, "take the state", err)
	}
	pending, err := connect.DecodePendingConnection(record)
	if err != nil {
		return connect.PendingConnection{}, fmt.Errorf("redisstore: take the state: %w", err)
	}
	return pending, nil
}
