package connect

import (
	"context"
	"errors"
	"fmt"
	"net/http"
)

// Disconnect removes a user's credential outside a request, for instance when
// the user's account is deleted. If the Server has a revocation endpoint, it
// also revokes the token there, and logs a failure to do so. It returns nil if
// the user has no credential. Disconnect touches no session and does not call
// Config.OnDisconnect, which needs a request; a pending connection can still be
// completed. Errors: ErrInvalidRequest for an ID that [Key.Check] refuses,
// ErrStore.
func (c *Connector) Disconnect(ctx context.Context, userID string) error {
	if err := c.key(userID).checkID(); err != nil {
		return err
	}
	removed, err := c.remove(ctx, userID)
	if err != nil {
		return err
	}
	c.revoke(ctx, userID, removed)
	c.log.InfoContext(ctx, c.name+": disconnected", "user", userID)
	return nil
}

const maxForm = 64 << 10

func (c *Connector) disconnect(w http.ResponseWriter, r *http.Request) (returnTo string, err error) {
	if err := c.checkOrigin(r); err != nil {
		return "", err
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	err = r.ParseForm()
	if err == nil {
		err = r.ParseMultipartForm(maxForm)
	}
	if err != nil && !errors.Is(err, http.ErrNotMultipart) {
		return "", fmt.Errorf("%w: the form can't be read", ErrInvalidRequest)
	}
	returnTo = c.homePath
	if to := r.PostForm.Get("return_to"); to != "" {
		if returnTo, err = CheckReturnTo(to); err != nil {
			return "", err
		}
	}
	user, err := c.User(r)
	if c.config.User == nil && errors.Is(err, ErrNotConnected) {
		return returnTo, c.leave(r.Context())
	}
	if err != nil {
		return "", err
	}
	return returnTo, c.forgetUser(r, user)
}

func (c *Connector) forgetUser(r *http.Request, user User) error {
	ctx := r.Context()
	if _, err := c.session(ctx, c.keys.userID); err != nil {
		return err
	}
	removed, err := c.remove(ctx, user.ID)
	if err != nil {
		return err
	}
	c.revoke(ctx, user.ID, removed)
	if err := c.SignOut(r); err != nil {
		return err
	}
	if c.config.User != nil { // SignOut does not end the application's own sign-in
		if err := c.leave(ctx); err != nil {
			return err
		}
	}
	c.log.InfoContext(ctx, c.name+": disconnected", "user", user.ID)
	if c.config.OnDisconnect != nil {
		if err := c.config.OnDisconnect(r, user); err != nil {
			return fmt.Errorf("Config.OnDisconnect: %w", err)
		}
	}
	return nil
}

// remove deletes a user's credential. It returns the credential if the server
// can revoke it.
func (c *Connector) remove(ctx context.Context, userID string) (removed Credential, err error) {
	if c.server.Revoke == nil && c.server.RevokeURL == "" {
		err = c.tokens.Delete(ctx, c.key(userID))
	} else {
		err = c.tokens.Update(ctx, c.key(userID), func(_ context.Context, current *Credential) (*Credential, error) {
			if current != nil {
				removed = *current
			}
			return nil, nil
		})
	}
	if err != nil {
		return Credential{}, storeError("delete the credential", err)
	}
	return removed, nil
}
