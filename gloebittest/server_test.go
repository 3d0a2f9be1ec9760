package gloebittest_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/stretchr/testify/require"
)

func TestCloseStopsEverything(t *testing.T) {
	server := gloebittest.NewServer()
	server.Close()
	server.Close()
	_, err := http.Get(server.URL + "balance")
	require.Error(t, err)
	require.Empty(t, server.Transactions(), "its data can still be read")
}

func TestCloseDoesNotWaitForSilentConnections(t *testing.T) {
	server := gloebittest.NewServer()
	address := strings.Trim(strings.TrimPrefix(server.URL, "http:"), "/")
	silent, err := net.Dial("tcp", address)
	require.NoError(t, err)
	defer func() { _ = silent.Close() }()
	busy, err := http.Get(server.URL + "balance") // accepted after the silent one
	require.NoError(t, err)
	require.NoError(t, busy.Body.Close())

	start := time.Now()
	server.Close()
	require.Less(t, time.Since(start), 4*time.Second)
	require.NoError(t, silent.SetReadDeadline(time.Now().Add(5*time.Second)))
	_, err = silent.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
}

func TestCloseCancelsRunningCallbacks(t *testing.T) {
	w, h := newWorld(t, gloebittest.Config{}), newHooks(t)
	started, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	h.onFunc("enact", func() (int, string) {
		close(started)
		<-release
		return 200, "[true]"
	})
	w.purchase(h, nil)
	<-started
	w.server.Close()
	require.Equal(t, gloebittest.StateQueued, w.transaction().State, "a callback that was cut off stays to be made")
}
