package connect

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"syscall"
	"unicode"

	"github.com/go-gloebit/gloebit/internal/redact"
)

// redactingProtocol redacts the errors and values of the application's
// Protocol. The server knows the secrets that it was sent and may repeat them.
type redactingProtocol struct{ Protocol }

// Begin implements [Protocol].
func (f redactingProtocol) Begin(
	ctx context.Context, app Application, ask AuthorizationRequest,
) (string, Secret, error) {
	to, kept, err := f.Protocol.Begin(ctx, app, ask)
	if err != nil {
		return "", "", redactError(err, append(secretsIn(kept), app.ClientSecret, Secret(ask.State))...)
	}
	return to, kept, nil
}

// Finish implements [Protocol].
func (f redactingProtocol) Finish(
	ctx context.Context, app Application, answer url.Values, kept Secret, asked []Scope,
) (Credential, error) {
	credential, err := f.Protocol.Finish(ctx, app, answer, kept, asked)
	secrets := append(secretsIn(kept), app.ClientSecret)
	secrets = append(secrets, credential.AccessToken, credential.RefreshToken, credential.TokenSecret)
	for _, name := range []string{"state", "code", "oauth_token", "oauth_verifier"} {
		for _, value := range answer[name] {
			secrets = append(secrets, Secret(value))
		}
	}
	if err == nil {
		credential.Subject = usableID(credential.Subject, secrets...)
		err = checkScopes(JoinScopes(credential.Scopes), secrets...)
	}
	if err != nil {
		return Credential{}, redactError(err, secrets...)
	}
	return credential, nil
}

// Refresh implements [Protocol].
func (f redactingProtocol) Refresh(ctx context.Context, app Application, current Credential) (Credential, error) {
	fresh, err := f.Protocol.Refresh(ctx, app, current)
	secrets := []Secret{
		app.ClientSecret, current.AccessToken, current.RefreshToken, current.TokenSecret,
		fresh.AccessToken, fresh.RefreshToken, fresh.TokenSecret,
	}
	if err == nil {
		fresh.Subject = usableID(fresh.Subject, secrets...)
		err = checkScopes(JoinScopes(fresh.Scopes), secrets...)
	}
	if err != nil {
		return Credential{}, redactError(err, secrets...)
	}
	return fresh, nil
}

// Authorize implements [Protocol].
func (f redactingProtocol) Authorize(app Application, req *http.Request, credential Credential) error {
	if err := f.Protocol.Authorize(app, req, credential); err != nil {
		return redactError(err, app.ClientSecret, credential.AccessToken, credential.RefreshToken, credential.TokenSecret)
	}
	return nil
}

// minKept is the least number of bytes of a part of a Protocol's kept value
// that counts as a secret. Names of members and scopes are shorter.
const minKept = 16

// secretsIn returns a Protocol's kept value, and its parts that look like
// secrets: a Protocol may keep several as JSON or as a form.
func secretsIn(kept Secret) []Secret {
	secrets := []Secret{kept}
	for _, part := range strings.FieldsFunc(kept.Reveal(), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-._~+/%", r)
	}) {
		if len(part) >= minKept {
			secrets = append(secrets, Secret(part))
		}
	}
	return secrets
}

// redactedError is a Protocol's error without secrets.
type redactedError struct {
	text   string
	causes []error
}

func (e *redactedError) Error() string { return e.text }

func (e *redactedError) Unwrap() []error { return e.causes }

// redactError returns an error with the text of err, at most 200 bytes, without
// the secrets. It matches the errors of this package in the tree of err, and
// the kind of a network failure without the text of its cause. The text of
// every *url.Error is replaced, because it quotes the request and the response.
// An error formatted with %v can't be found.
func redactError(err error, secrets ...Secret) error {
	text := err.Error()
	for _, request := range requestsIn(err) {
		text = strings.ReplaceAll(text, request.Error(), redact.Failure(request).Error())
	}
	redacted := &redactedError{text: redact.Text(text, secrets...)}
	for _, row := range connecting {
		if errors.Is(err, row.Err) {
			redacted.causes = append(redacted.causes, row.Err)
		}
	}
	var missing *ScopeError
	if errors.As(err, &missing) && !redact.Repeats(JoinScopes(missing.Missing), secrets...) {
		redacted.causes = append(redacted.causes, missing)
	}
	if kind := redact.Kind(err); kind != nil {
		redacted.causes = append(redacted.causes, withoutText(kind, secrets))
		if said := redact.Text(kind.Error(), secrets...); !strings.Contains(redacted.text, said) {
			redacted.text += ": " + said
		}
	}
	return redacted
}

// requestsIn returns every *url.Error in the tree of err, the outermost first.
func requestsIn(err error) []*url.Error {
	var found []*url.Error
	if request, ok := err.(*url.Error); ok {
		found = append(found, request)
	}
	switch wrapping := err.(type) {
	case interface{ Unwrap() error }:
		found = append(found, requestsIn(wrapping.Unwrap())...)
	case interface{ Unwrap() []error }:
		for _, cause := range wrapping.Unwrap() {
			found = append(found, requestsIn(cause)...)
		}
	}
	return found
}

// withoutText returns the kind of a network failure. If an error in its tree
// contains a secret, it is rebuilt: an operation keeps its name, its network
// and the system's error number; a failed certificate verification keeps
// nothing.
func withoutText(kind error, secrets []Secret) error {
	if !repeatsIn(kind, secrets) {
		return kind
	}
	var certificate *tls.CertificateVerificationError
	var operation *net.OpError
	switch {
	case errors.As(kind, &certificate):
		return &tls.CertificateVerificationError{Err: errors.New("failed")}
	case !errors.As(kind, &operation):
		return kind // an error of the standard library with a fixed text
	}
	var number syscall.Errno
	cause := errors.New("failed")
	switch {
	case errors.As(operation.Err, &number):
		cause = number
	case operation.Timeout():
		cause = os.ErrDeadlineExceeded
	}
	return &net.OpError{Op: operation.Op, Net: redact.Text(operation.Net, secrets...), Err: cause}
}

// repeatsIn reports whether the text of any error in the tree of err contains
// one of the secrets.
func repeatsIn(err error, secrets []Secret) bool {
	if err == nil {
		return false
	}
	if redact.Repeats(err.Error(), secrets...) {
		return true
	}
	switch wrapping := err.(type) {
	case interface{ Unwrap() error }:
		return repeatsIn(wrapping.Unwrap(), secrets)
	case interface{ Unwrap() []error }:
		return slices.ContainsFunc(wrapping.Unwrap(), func(cause error) bool { return repeatsIn(cause, secrets) })
	}
	return false
}
