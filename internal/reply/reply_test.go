package reply_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/reply"
	"github.com/stretchr/testify/require"
)

func TestObject(t *testing.T) {
	for name, test := range map[string]struct{ body, err string }{
		"object":      {`{"n":1,"o":{"s":"a"}}`, ""},
		"unknown":     {`{"more":[]}`, ""},
		"empty":       {" \n", "the body is empty"},
		"page":        {"<html>", "the body is not JSON"},
		"cut off":     {`{"n":1`, "the body is not JSON"},
		"list":        {`[{"n":1}]`, "the body is not a JSON object"},
		"null":        {`null`, "the body is not a JSON object"},
		"text":        {`"n"`, "the body is not a JSON object"},
		"mistyped":    {`{"n":"canary"}`, "the member n is of the type string"},
		"too large":   {`{"n":184467440737095516160}`, "the member n is of the type number"},
		"list inside": {`{"o":[]}`, "the member o is of the type array"},
	} {
		t.Run(name, func(t *testing.T) {
			var v struct {
				N int                `json:"n"`
				O struct{ S string } `json:"o"`
			}
			err := reply.Object([]byte(test.body), &v)
			if test.err == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, test.err)
		})
	}
}

func TestText(t *testing.T) {
	for name, test := range map[string]struct{ body, want string }{
		"page": {"<!doctype html><html><head><title>no</title></head><style>p{}</style><body><h1>Server\n " +
			"Error</h1>&lt;500&gt;</body>",
			"Server Error <500>"},
		"text":        {" busy\x1b\xff now ", "busy now"},
		"JSON string": {`"No such\tapplication"`, "No such application"},
		"JSON object": {`{"a":"b"}`, ""},
		"empty":       {"", ""},
		"secret":      {"the token token-token is bad", "the token [redacted] is bad"},
		"long":        {strings.Repeat("a", 300), strings.Repeat("a", 200)},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, test.want, reply.Text([]byte(test.body), "token-token"))
		})
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("canary") }

func TestFailed(t *testing.T) {
	request := func(err error) error { return &url.Error{Op: "Get", URL: "https://server.example/?q=canary", Err: err} }
	for name, test := range map[string]struct {
		err, is error
		want    string
	}{
		"not connected": {request(connect.ErrNotConnected), connect.ErrNotConnected, "the user is not connected"},
		"a malformed header": {
			request(errors.New("malformed header canary")), connect.ErrUnavailable,
			"the server is not available: the HTTP reply can't be read",
		},
		"closed":   {request(io.EOF), io.EOF, "the server is not available: EOF"},
		"canceled": {request(context.Canceled), context.Canceled, "the server is not available: context canceled"},
	} {
		t.Run(name, func(t *testing.T) {
			err := reply.Failed(test.err)
			require.ErrorIs(t, err, test.is)
			require.EqualError(t, err, test.want)
		})
	}
}

func TestRead(t *testing.T) {
	read := func(from io.Reader) (string, error) {
		body, err := reply.Read(&http.Response{Body: io.NopCloser(from)})
		return string(body), err
	}
	body, err := read(strings.NewReader("all"))
	require.NoError(t, err)
	require.Equal(t, "all", body)
	_, err = read(broken{})
	require.EqualError(t, err, "the body ends too early: the HTTP reply can't be read")
	for whole, want := range map[string]bool{` {"a":1} `: true, "[]": true, `{"a":1`: false, "12": false, "text": false} {
		body, err = read(io.MultiReader(strings.NewReader(whole), broken{}))
		require.Equal(t, want, err == nil && body == whole, whole)
	}
	_, err = read(io.LimitReader(neverEnding{}, 2<<20))
	require.EqualError(t, err, "the body has more than 1048576 bytes")
}

type neverEnding struct{}

func (neverEnding) Read(p []byte) (int, error) { return len(p), nil }
