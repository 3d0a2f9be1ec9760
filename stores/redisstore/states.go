package redisstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/redis/go-redis/v9"
)

// Put implements [connect.StateStore]. It does not store a connection that has
// already expired, and returns nil. If the response is lost and go-redis sends
// the Put again, Put returns the error of a key in use, and the user has to
// start again.
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

// Take implements [connect.StateStore]. If the response is lost and go-redis
// sends the Take again, it finds nothing: a state is returned at most once.
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
