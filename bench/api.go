package bench

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
)

// apiCall requests a balance from a server on the loopback interface. The peer
// is what applications write: the same request with net/http, a limit on the
// response, encoding/json, and a check of success. Both sides have the same
// timeout and the same kind of transport.
func apiCall(ctx context.Context) (*Pair, error) {
	server := balanceServer()
	ours, err := ourCall(ctx, server.URL)
	if err != nil {
		server.Close()
		return nil, err
	}
	return &Pair{Ours: ours, Peer: theirCall(ctx, server.URL), Close: func() error { server.Close(); return nil }}, nil
}

func balanceServer() *httptest.Server {
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+tokenOf(alice) {
			http.Error(w, http.StatusText(http.StatusUnauthorized), http.StatusUnauthorized)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"success":true,"balance":1234.5}`) // the client checks the response
	}))
}

func newTransport() *http.Transport { return http.DefaultTransport.(*http.Transport).Clone() }

func ourCall(ctx context.Context, server string) (Side, error) {
	merchant, err := merchantAt(ctx, server, nil)
	if err != nil {
		return Side{}, err
	}
	client, err := merchant.Client(ctx, alice)
	if err != nil {
		return Side{}, err
	}
	var balance gloebit.Amount
	return Side{
		Do: func() (err error) {
			balance, err = client.Balance(ctx)
			return err
		},
		Answer: func() string { return balance.String() },
	}, nil
}

// merchantAt returns a merchant of a server to which alice is connected.
func merchantAt(ctx context.Context, server string, trace *gloebit.Trace) (*gloebit.Merchant, error) {
	tokens := &gloebit.MemoryTokenStore{}
	merchant, err := newMerchant(gloebit.Config{
		Provider: gloebit.ProviderAt(server), User: currentUser, Tokens: tokens, Trace: trace,
		HTTPClient: &http.Client{Transport: newTransport(), Timeout: patience},
	})
	if err != nil {
		return nil, err
	}
	return merchant, save(
		ctx, tokens, connect.Key{Realm: merchant.Realm(), ID: alice},
		connect.Credential{AccessToken: gloebit.Secret(tokenOf(alice)), Scopes: scopes, ConnectedAt: time.Now()},
	)
}

func theirCall(ctx context.Context, server string) Side {
	client := &http.Client{Transport: newTransport(), Timeout: patience}
	var balance json.Number
	return Side{
		Do: func() (err error) {
			balance, err = askBalance(ctx, client, server+"/balance", tokenOf(alice))
			return err
		},
		Answer: func() string { return balance.String() },
	}
}

func askBalance(ctx context.Context, client *http.Client, address, token string) (json.Number, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("Accept", "application/json")
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return "", errors.New(response.Status)
	}
	var answer struct {
		Success bool        `json:"success"`
		Reason  string      `json:"reason"`
		Balance json.Number `json:"balance"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&answer); err != nil {
		return "", err
	}
	if !answer.Success {
		return "", errors.New(answer.Reason)
	}
	return answer.Balance, nil
}

// keyOf returns the key of a user's credential.
func keyOf(user string) connect.Key { return connect.Key{Realm: realm, ID: user} }

// save stores a user's credential.
func save(ctx context.Context, tokens gloebit.TokenStore, key connect.Key, credential connect.Credential) error {
	return tokens.Update(
		ctx, key, func(context.Context, *connect.Credential) (*connect.Credential, error) { return &credential, nil },
	)
}
