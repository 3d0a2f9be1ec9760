package blotre

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/go-gloebit/gloebit/connect"
)

// OneTimeCode is the grant type with which a disposable application exchanges
// its code for tokens; see [connect.Connector.ConnectCode].
const OneTimeCode = "https://oauth2grant.blot.re/onetime_code"

// Registration is a disposable application as Blot're registered it.
type Registration struct {
	Name, Blurb string
	ID          string
	Secret      connect.Secret
	Code        connect.Secret // the user enters it at [Client.RedeemURL]
	ExpiresIn   time.Duration  // the code's lifetime
}

// Register registers a disposable application, which one user can approve. Most
// programs should use [Disposable], which also stores the registration.
func (c Client) Register(ctx context.Context, name, blurb string) (Registration, error) {
	var made struct {
		Name      string         `json:"name"`
		Blurb     string         `json:"blurb"`
		ID        string         `json:"id"`
		Secret    connect.Secret `json:"secret"`
		Code      connect.Secret `json:"code"`
		ExpiresIn json.Number    `json:"expires_in"`
	}
	body := map[string]string{"name": name, "blurb": blurb}
	if _, err := c.send(ctx, request{
		method: http.MethodPut, path: "oauth2/disposable", body: body, into: &made,
	}); err != nil {
		return Registration{}, err
	}
	seconds, err := made.ExpiresIn.Float64()
	if made.ID == "" || made.Secret == "" || made.Code == "" || err != nil || seconds <= 0 || seconds > 1e9 {
		return Registration{}, fmt.Errorf(
			"blotre: %w: the registration lacks an id, a secret, a code or its time", connect.ErrInvalidResponse,
		)
	}
	if strings.ContainsFunc(made.Code.Reveal(), func(r rune) bool { return !unicode.IsPrint(r) }) {
		return Registration{}, fmt.Errorf(
			"blotre: %w: the code has characters that can't be shown", connect.ErrInvalidResponse,
		)
	}
	return Registration{made.Name, made.Blurb, made.ID, made.Secret, made.Code, time.Duration(seconds) * time.Second}, nil
}

// Disposable is a program of one user that needs no registration: it registers
// itself at Blot're, and the user approves it by entering a code. Name, Blurb
// and Store must be set.
type Disposable struct {
	// Name and Blurb are shown to the user by Blot're.
	Name, Blurb string
	// Store stores the application and the user's credential, so that the next
	// Open finds them. Programs usually use a FileStore of package connect/cli.
	// Two programs with one Store must not have the same Name.
	Store connect.TokenStore
	// Show shows the user the code and the URL at which to enter it. The
	// default writes both to the standard error.
	Show func(context.Context, connect.DeviceCode) error
	// Wait returns when the user confirms that they have entered the code, for
	// example by pressing Enter. The default asks Blot're every five seconds.
	Wait func(context.Context) error
	// Address is the base URL of Blot're. The default is [Address].
	Address string
	// HTTPClient is connect.Config.HTTPClient.
	HTTPClient *http.Client
}

// owner is the ID of the Store's only user.
const owner = "owner"

// pollInterval is how often the program asks Blot're whether the code was
// entered.
const pollInterval = 5 * time.Second

// errOver means that the application can't be used any more, because its code
// or the user's tokens have expired or were revoked.
var errOver = errors.New("the application has ended")

// Open returns the account of the program's user. If the Store has an account
// that Blot're still accepts, Open returns it without asking the user. If the
// Store has an application whose code the user may still enter, or has entered
// while the program did not run, Open continues with that application, even in
// several processes at once. Otherwise it registers a new application, and
// waits until the user has entered the code. If the user denies access, Blot're
// does not notify the program, and the user can still approve later.
//
// Pass the account to [NewClient]. Errors: [connect.ErrCodeExpired] when the
// user did not enter the code in time, an [*Error] or an error of package
// connect when Blot're or the Store failed, what Show or Wait returned, and the
// context's.
func (d Disposable) Open(ctx context.Context) (*connect.Account, error) {
	if d.Name == "" || d.Store == nil {
		return nil, fmt.Errorf("blotre: %w: Disposable.Name or Disposable.Store is not set", connect.ErrInvalidRequest)
	}
	for {
		kept, found, err := d.registered(ctx)
		if err != nil {
			return nil, err
		}
		connector, err := d.connector(kept)
		if err != nil {
			return nil, err
		}
		account, err := d.account(ctx, connector, kept, found)
		switch {
		case err == nil:
			return account, nil
		case !errors.Is(err, errOver):
			return nil, err
		}
		if err := d.change(ctx, kept.Subject, nil); err != nil {
			return nil, err
		}
		if !found {
			return nil, fmt.Errorf("blotre: %w", connect.ErrCodeExpired)
		}
	}
}

// key is the key of the application in the Store. In its Credential, Subject is
// the client ID, AccessToken the secret, and RefreshToken the code, which is
// valid until Expiry and empty after the user has approved.
func (d Disposable) key() (connect.Key, error) {
	u, err := connect.CheckEndpoint(base(d.Address))
	if err != nil {
		return connect.Key{}, fmt.Errorf("blotre: Disposable.Address: %w", err)
	}
	key := connect.Key{Realm: strings.ToLower(u.Host) + "/disposable applications", ID: d.Name}
	if err := key.Check(); err != nil {
		return connect.Key{}, fmt.Errorf("blotre: Disposable.Name: %w", err)
	}
	return key, nil
}

// registered returns the application in the Store. If there is none, it
// registers and stores one.
func (d Disposable) registered(ctx context.Context) (kept connect.Credential, found bool, err error) {
	key, err := d.key()
	if err != nil {
		return connect.Credential{}, false, err
	}
	var refused error
	err = d.Store.Update(ctx, key, func(ctx context.Context, current *connect.Credential) (*connect.Credential, error) {
		if current != nil {
			kept, found = *current, true
			return current, nil
		}
		made, err := Client{d.Address, d.HTTPClient}.Register(ctx, d.Name, d.Blurb)
		if err != nil {
			refused = err
			return nil, err
		}
		kept = connect.Credential{
			Subject: made.ID, Name: d.Name, AccessToken: made.Secret, RefreshToken: made.Code,
			TokenExpiry: time.Now().Add(made.ExpiresIn),
		}
		return &kept, nil
	})
	switch {
	case refused != nil:
		return connect.Credential{}, false, refused
	case err != nil:
		return connect.Credential{}, false, fmt.Errorf("blotre: %w: keep the application: %w", connect.ErrStore, err)
	}
	return kept, found, nil
}

// connector returns a connector for an application.
func (d Disposable) connector(kept connect.Credential) (*connect.Connector, error) {
	return connect.New(connect.Config{
		Server: Server(d.Address), ClientID: kept.Subject, ClientSecret: kept.AccessToken,
		RedirectURL: "http://127.0.0.1/callback", // unused, because the user enters a code
		Tokens:      d.Store, HTTPClient: d.HTTPClient,
	})
}

// account returns the user's account, from the Store or by exchanging the code.
// The error is errOver if neither is possible any more.
func (d Disposable) account(
	ctx context.Context, connector *connect.Connector, kept connect.Credential, found bool,
) (*connect.Account, error) {
	account, err := connector.Account(ctx, owner)
	if err == nil {
		return account, d.verify(ctx, account)
	}
	if !errors.Is(err, connect.ErrNotConnected) {
		return nil, fmt.Errorf("blotre: %w", err)
	}
	if kept.RefreshToken == "" {
		return nil, errOver
	}
	if err := d.redeem(ctx, connector, kept, found); err != nil {
		return nil, err
	}
	kept.RefreshToken, kept.TokenExpiry = "", time.Time{} // the code is used
	if err := d.change(ctx, kept.Subject, &kept); err != nil {
		return nil, err
	}
	account, err = connector.Account(ctx, owner)
	if err != nil {
		return nil, fmt.Errorf("blotre: %w", err)
	}
	return account, nil
}

// verify asks Blot're whether the account's token is still valid, and refreshes
// it if it isn't.
func (d Disposable) verify(ctx context.Context, account *connect.Account) error {
	until := time.Now().Add(timeout)
	credential, err := account.Fresh(ctx, until)
	if err == nil {
		_, err = Client{d.Address, d.HTTPClient}.TokenInfo(ctx, credential.AccessToken)
		if errors.Is(err, connect.ErrNotFound) {
			_, err = account.Renew(ctx, until, credential)
		}
	}
	if errors.Is(err, connect.ErrNotConnected) {
		if _, ok := account.Reject(ctx, until, account.Credential().AccessToken, &err); ok {
			return nil // another process has replaced it
		}
		return errOver
	}
	if err != nil {
		return fmt.Errorf("blotre: the login can't be checked: %w", err)
	}
	return nil
}

// redeem waits until the user has entered the code, and exchanges it for
// tokens. Until then Blot're responds as if the code were wrong. If the
// application was already in the Store, the user may have approved it before.
func (d Disposable) redeem(
	ctx context.Context, connector *connect.Connector, kept connect.Credential, found bool,
) error {
	show := d.Show
	if show == nil {
		show = write
	}
	code := connect.DeviceCode{
		UserCode: kept.RefreshToken.Reveal(), URL: Client{Address: d.Address}.RedeemURL(), Expiry: kept.TokenExpiry,
	}
	shown := false
	for {
		if found || shown {
			err := connector.ConnectCode(ctx, owner, OneTimeCode, kept.RefreshToken)
			var refused *connect.TokenError
			errors.As(err, &refused)
			switch {
			case err == nil:
				return nil
			case ctx.Err() != nil:
				return fmt.Errorf("blotre: %w", ctx.Err())
			case refused != nil && refused.Code == "invalid_client":
				return errOver
			case refused != nil && refused.Code == "invalid_grant": // not entered yet, or expired
			case !shown || d.Wait != nil || !errors.Is(err, connect.ErrUnavailable):
				return fmt.Errorf("blotre: %w", err)
			}
			found = false
		}
		if !time.Now().Before(kept.TokenExpiry) {
			return errOver
		}
		if !shown || d.Wait != nil {
			if err := show(ctx, code); err != nil {
				return err
			}
			shown = true
		}
		if err := d.wait(ctx, kept.TokenExpiry); err != nil {
			return err
		}
	}
}

// wait waits for the user, or until it is time to ask again.
func (d Disposable) wait(ctx context.Context, expiry time.Time) error {
	if d.Wait != nil {
		return d.Wait(ctx)
	}
	timer := time.NewTimer(min(pollInterval, max(time.Until(expiry), 0)))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("blotre: %w", ctx.Err())
	}
}

// write is the default of Show.
func write(_ context.Context, code connect.DeviceCode) error {
	_, err := fmt.Fprintf(os.Stderr, "To connect this program, enter the code %s at %s\n", code.UserCode, code.URL)
	return err
}

// change replaces the application in the Store, if it is still the one with the
// id. Nil removes it.
func (d Disposable) change(ctx context.Context, id string, next *connect.Credential) error {
	key, err := d.key()
	if err != nil {
		return err
	}
	err = d.Store.Update(ctx, key, func(_ context.Context, current *connect.Credential) (*connect.Credential, error) {
		if current != nil && current.Subject != id {
			return current, nil
		}
		return next, nil
	})
	if err != nil {
		return fmt.Errorf("blotre: %w: keep the application: %w", connect.ErrStore, err)
	}
	return nil
}
