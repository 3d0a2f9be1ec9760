package blotre_test

import (
	"testing"

	"github.com/go-gloebit/gloebit/servers/blotre"
	"github.com/stretchr/testify/require"
)

func TestURIs(t *testing.T) {
	for in, want := range map[string]string{
		"A B C":              "a+b+c",
		"  Toast \t":         "toast",
		"a\tb\nc":            "a+b+c",
		"100%":               "100%25",
		"a/b":                "a/b",
		"ÄÖ":                 "%C3%A4%C3%B6",
		`~@#$&()*!+=:),.?/'`: `~@#$&()*!+=:),.?/'`,
		"_.-~09":             "_.-~09",
		`"<>[]{}|\^;` + "`":  "%22%3C%3E%5B%5D%7B%7D%7C%5C%5E%3B%60",
		"":                   "",
	} {
		t.Run(in, func(t *testing.T) { require.Equal(t, want, blotre.NormalizeURI(in)) })
	}
	require.Equal(t, "toastmastergeneral/a+b+c", blotre.JoinURI("toastmastergeneral", "A B C"))
	require.Equal(t, "a", blotre.JoinURI("A"))
	require.Empty(t, blotre.JoinURI())
	require.Equal(t, "https://blot.re/v0/oauth2/redeem", blotre.Client{}.RedeemURL())
	require.Equal(t, "wss://blot.re/v0/ws", blotre.Client{}.WebSocketURL())
	require.Equal(t, "ws://localhost:9000/v0/ws", blotre.Client{Address: "http://localhost:9000/"}.WebSocketURL())
}

// TestEncodedSpaces checks spaces that are encoded as the JavaScript client
// encodes them.
func TestEncodedSpaces(t *testing.T) {
	w := newWorld(t)
	api := w.api(t)
	for _, test := range []struct {
		uri     string
		created bool
	}{{"ann/a+b+c", true}, {"Ann/A B C/", false}, {"ann/a%20b%20c", true}, {"ann/a+b+c", false}} {
		stream, created, err := api.CreateStream(t.Context(), blotre.NewStream{Name: "A B C", URI: test.uri})
		require.NoError(t, err)
		require.Equal(t, test.created, created, test.uri)
		require.Equal(t, "ann/a+b+c", stream.URI)
	}
}
