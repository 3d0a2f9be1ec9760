package redisstore

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-gloebit/gloebit"
)

// version is of the records below. What is written by a later version of this
// package is an error to this one, never half a credential.
const version = 1

// credentialRecord is a credential in Redis. Strings are bytes, in base64: JSON
// would change those that are not UTF-8.
type credentialRecord struct {
	Version      int      `json:"v"`
	AccessToken  []byte   `json:"access,omitempty"`
	RefreshToken []byte   `json:"refresh,omitempty"`
	TokenSecret  []byte   `json:"secret,omitempty"`
	Expiry       *int64   `json:"expiry,omitempty"` // times are microseconds since 1970; none is the zero time
	Scopes       [][]byte `json:"scopes,omitempty"`
	GloebitID    []byte   `json:"gloebit_id,omitempty"`
	Name         []byte   `json:"name,omitempty"`
	ConnectedAt  *int64   `json:"connected_at,omitempty"`
	Until        *int64   `json:"until,omitempty"`
}

func writeCredential(c gloebit.Credential) (string, error) {
	return write("credential", credentialRecord{
		Version:      version,
		AccessToken:  []byte(c.AccessToken.Reveal()),
		RefreshToken: []byte(c.RefreshToken.Reveal()),
		TokenSecret:  []byte(c.TokenSecret.Reveal()),
		Expiry:       micros(c.Expiry),
		Scopes:       fromScopes(c.Scopes),
		GloebitID:    []byte(c.GloebitID),
		Name:         []byte(c.Name),
		ConnectedAt:  micros(c.ConnectedAt),
		Until:        micros(c.Until),
	})
}

func readCredential(record string) (gloebit.Credential, error) {
	var r credentialRecord
	if err := read("credential", record, &r, &r.Version); err != nil {
		return gloebit.Credential{}, err
	}
	return gloebit.Credential{
		AccessToken:  gloebit.Secret(r.AccessToken),
		RefreshToken: gloebit.Secret(r.RefreshToken),
		TokenSecret:  gloebit.Secret(r.TokenSecret),
		Expiry:       fromMicros(r.Expiry),
		Scopes:       toScopes(r.Scopes),
		GloebitID:    string(r.GloebitID),
		Name:         string(r.Name),
		ConnectedAt:  fromMicros(r.ConnectedAt),
		Until:        fromMicros(r.Until),
	}, nil
}

// stateRecord is a pending connection in Redis.
type stateRecord struct {
	Version   int      `json:"v"`
	UserID    []byte   `json:"user,omitempty"`
	Verifier  []byte   `json:"verifier,omitempty"`
	ReturnTo  []byte   `json:"return_to,omitempty"`
	Binding   []byte   `json:"binding,omitempty"`
	Scopes    [][]byte `json:"scopes,omitempty"`
	Required  [][]byte `json:"required,omitempty"`
	ExpiresAt *int64   `json:"expires_at,omitempty"`
}

func writeState(p gloebit.PendingConnection) (string, error) {
	return write("pending connection", stateRecord{
		Version:   version,
		UserID:    []byte(p.UserID),
		Verifier:  []byte(p.Verifier.Reveal()),
		ReturnTo:  []byte(p.ReturnTo),
		Binding:   []byte(p.Binding),
		Scopes:    fromScopes(p.Scopes),
		Required:  fromScopes(p.Required),
		ExpiresAt: micros(p.ExpiresAt),
	})
}

func readState(record string) (gloebit.PendingConnection, error) {
	var r stateRecord
	if err := read("pending connection", record, &r, &r.Version); err != nil {
		return gloebit.PendingConnection{}, err
	}
	return gloebit.PendingConnection{
		UserID:    string(r.UserID),
		Verifier:  gloebit.Secret(r.Verifier),
		ReturnTo:  string(r.ReturnTo),
		Binding:   string(r.Binding),
		Scopes:    toScopes(r.Scopes),
		Required:  toScopes(r.Required),
		ExpiresAt: fromMicros(r.ExpiresAt),
	}, nil
}

func write(what string, record any) (string, error) {
	b, err := json.Marshal(record)
	if err != nil {
		return "", fmt.Errorf("redisstore: write the %s: %w", what, err)
	}
	return string(b), nil
}

// read fills the record that v is the version of. Its error does not quote what
// can't be read.
func read(what, stored string, record any, v *int) error {
	if err := json.Unmarshal([]byte(stored), record); err != nil {
		return fmt.Errorf("redisstore: the stored %s can't be read", what)
	}
	if *v != version {
		return fmt.Errorf("redisstore: the stored %s is of version %d, want %d", what, *v, version)
	}
	return nil
}

func micros(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	us := t.UnixMicro()
	return &us
}

func fromMicros(us *int64) time.Time {
	if us == nil {
		return time.Time{}
	}
	return time.UnixMicro(*us).UTC()
}

func fromScopes(scopes []gloebit.Scope) [][]byte {
	var list [][]byte
	for _, scope := range scopes {
		list = append(list, []byte(scope))
	}
	return list
}

func toScopes(list [][]byte) []gloebit.Scope {
	var scopes []gloebit.Scope
	for _, scope := range list {
		scopes = append(scopes, gloebit.Scope(scope))
	}
	return scopes
}
