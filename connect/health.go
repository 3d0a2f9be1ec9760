package connect

import (
	"context"
	"errors"
	"time"
)

// healthTimeout is the timeout of a store in Health.
const healthTimeout = 5 * time.Second

// Health returns an ErrStore unless Config.Tokens and Config.States answer
// within five seconds each. It looks up entries that do not exist, and changes
// nothing. It checks neither the server nor Config.Sessions.
func (c *Connector) Health(ctx context.Context) error {
	key := c.key(stateID("health"))
	return errors.Join(
		inTime(ctx, "load a credential", func(ctx context.Context) error {
			return c.tokens.Load(ctx, key, new(Credential))
		}),
		inTime(ctx, "take a state", func(ctx context.Context) error {
			_, err := c.states.Take(ctx, key)
			return err
		}),
	)
}

// inTime runs ask, which reads an entry that does not exist, with
// healthTimeout.
func inTime(ctx context.Context, doing string, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	if err := ask(ctx); err != nil && !errors.Is(err, ErrNotFound) {
		return storeError(doing, err)
	}
	return nil
}
