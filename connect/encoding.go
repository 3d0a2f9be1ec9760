package connect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// encodingVersion is the version of both records below. Decoding a record of
// another version fails.
const encodingVersion = 1

// credentialRecord is the JSON of a credential. Strings are base64, because
// JSON would change strings that are not UTF-8. Times are microseconds of the
// Unix time; null is the zero time.
type credentialRecord struct {
	Version      int      `json:"credential"`
	AccessToken  []byte   `json:"access_token,omitempty"`
	RefreshToken []byte   `json:"refresh_token,omitempty"`
	TokenSecret  []byte   `json:"token_secret,omitempty"`
	Expiry       *int64   `json:"expiry,omitempty"`
	Scopes       [][]byte `json:"scopes,omitempty"`
	Subject      []byte   `json:"subject,omitempty"`
	Name         []byte   `json:"name,omitempty"`
	ConnectedAt  *int64   `json:"connected_at,omitempty"`
	Until        *int64   `json:"until,omitempty"`
}

// pendingRecord is the JSON of a pending connection, in the same form as
// credentialRecord.
type pendingRecord struct {
	Version   int      `json:"pending_connection"`
	UserID    []byte   `json:"user_id,omitempty"`
	Verifier  []byte   `json:"verifier,omitempty"`
	ReturnTo  []byte   `json:"return_to,omitempty"`
	Binding   []byte   `json:"binding,omitempty"`
	Scopes    [][]byte `json:"scopes,omitempty"`
	Required  [][]byte `json:"required,omitempty"`
	ExpiresAt *int64   `json:"expires_at,omitempty"`
}

// EncodeCredential returns the credential as bytes that [DecodeCredential]
// reads, for a [TokenStore] to keep. The bytes hold the tokens unencrypted. Any
// string survives, whether it is UTF-8 or not; times are kept to the
// microsecond. The error is ErrInvalidRequest for a time after the year 294000,
// which microseconds of the Unix time can't express.
//
// The bytes are JSON that names its version. Later versions of this package
// read what earlier ones wrote.
func EncodeCredential(c Credential) ([]byte, error) {
	if err := checkTimes(c.TokenExpiry, c.ConnectedAt, c.ExpiresAt); err != nil {
		return nil, err
	}
	return json.Marshal(credentialRecord{
		Version:      encodingVersion,
		AccessToken:  []byte(c.AccessToken),
		RefreshToken: []byte(c.RefreshToken),
		TokenSecret:  []byte(c.TokenSecret),
		Expiry:       toMicros(c.TokenExpiry),
		Scopes:       bytesOf(c.Scopes),
		Subject:      []byte(c.Subject),
		Name:         []byte(c.Name),
		ConnectedAt:  toMicros(c.ConnectedAt),
		Until:        toMicros(c.ExpiresAt),
	})
}

// DecodeCredential decodes bytes from [EncodeCredential]. The credential's
// times are in UTC. It returns an error for malformed bytes and for those of a
// newer version. The error does not quote them.
func DecodeCredential(b []byte) (Credential, error) {
	var r credentialRecord
	if err := decodeRecord("credential", b, &r, &r.Version); err != nil {
		return Credential{}, err
	}
	return Credential{
		AccessToken:  Secret(r.AccessToken),
		RefreshToken: Secret(r.RefreshToken),
		TokenSecret:  Secret(r.TokenSecret),
		TokenExpiry:  fromMicros(r.Expiry),
		Scopes:       toScopes(r.Scopes),
		Subject:      string(r.Subject),
		Name:         string(r.Name),
		ConnectedAt:  fromMicros(r.ConnectedAt),
		ExpiresAt:    fromMicros(r.Until),
	}, nil
}

// EncodePendingConnection returns the pending connection as bytes that
// [DecodePendingConnection] reads, for a [StateStore] to keep. The format and
// the error are those of [EncodeCredential].
func EncodePendingConnection(p PendingConnection) ([]byte, error) {
	if err := checkTimes(p.ExpiresAt); err != nil {
		return nil, err
	}
	return json.Marshal(pendingRecord{
		Version:   encodingVersion,
		UserID:    []byte(p.UserID),
		Verifier:  []byte(p.Secret),
		ReturnTo:  []byte(p.ReturnTo),
		Binding:   []byte(p.BrowserHash),
		Scopes:    bytesOf(p.Scopes),
		Required:  bytesOf(p.RequiredScopes),
		ExpiresAt: toMicros(p.ExpiresAt),
	})
}

// DecodePendingConnection decodes bytes from [EncodePendingConnection], as
// [DecodeCredential] does for a credential.
func DecodePendingConnection(b []byte) (PendingConnection, error) {
	var r pendingRecord
	if err := decodeRecord("pending connection", b, &r, &r.Version); err != nil {
		return PendingConnection{}, err
	}
	return PendingConnection{
		UserID:         string(r.UserID),
		Secret:         Secret(r.Verifier),
		ReturnTo:       string(r.ReturnTo),
		BrowserHash:    string(r.Binding),
		Scopes:         toScopes(r.Scopes),
		RequiredScopes: toScopes(r.Required),
		ExpiresAt:      fromMicros(r.ExpiresAt),
	}, nil
}

// decodeRecord decodes b into a record with a version. Its error does not quote
// b, which contains tokens.
func decodeRecord(what string, b []byte, record any, version *int) error {
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields() // a field of another record or a newer version
	err := decoder.Decode(record)
	if *version > encodingVersion {
		return fmt.Errorf("the encoded %s has version %d, and this program knows version %d: update the program",
			what, *version, encodingVersion)
	}
	if err != nil || *version != encodingVersion || decoder.InputOffset() != int64(len(b)) {
		return fmt.Errorf("the encoded %s can't be read: it was cut off or is something else", what)
	}
	return nil
}

var (
	errCredentialJSON = errors.New("a Credential is not for package json: use EncodeCredential and DecodeCredential")
	errPendingJSON    = errors.New("a PendingConnection is not for package json: " +
		"use EncodePendingConnection and DecodePendingConnection")
)

// MarshalJSON returns an error: JSON would show the tokens, or lose them. Use
// [EncodeCredential].
func (Credential) MarshalJSON() ([]byte, error) { return nil, errCredentialJSON }

// UnmarshalJSON returns an error. Use [DecodeCredential].
func (*Credential) UnmarshalJSON([]byte) error { return errCredentialJSON }

// MarshalJSON returns an error. Use [EncodePendingConnection].
func (PendingConnection) MarshalJSON() ([]byte, error) { return nil, errPendingJSON }

// UnmarshalJSON returns an error. Use [DecodePendingConnection].
func (*PendingConnection) UnmarshalJSON([]byte) error { return errPendingJSON }

func checkTimes(times ...time.Time) error {
	for _, t := range times {
		if t.Sub(time.UnixMicro(t.UnixMicro())).Abs() >= time.Microsecond {
			return fmt.Errorf("%w: a time is of the year %d, which can't be encoded", ErrInvalidRequest, t.Year())
		}
	}
	return nil
}

func toMicros(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	micros := t.UnixMicro()
	return &micros
}

func fromMicros(micros *int64) time.Time {
	if micros == nil {
		return time.Time{}
	}
	return time.UnixMicro(*micros).UTC()
}

func bytesOf(scopes []Scope) [][]byte {
	var list [][]byte
	for _, scope := range scopes {
		list = append(list, []byte(scope))
	}
	return list
}

func toScopes(list [][]byte) []Scope {
	var scopes []Scope
	for _, scope := range list {
		scopes = append(scopes, Scope(scope))
	}
	return scopes
}
