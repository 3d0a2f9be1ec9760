package connect_test

import (
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/stretchr/testify/require"
)

func TestRejectingNewSessionsTakesConstantTime(t *testing.T) {
	const most = 20_000
	require.Less(t, connect.LooksOfAFullMap(most, false), 20*most, "one by one it would be most times most")
	require.Less(t, connect.LooksOfAFullMap(most, true), 20*most, "nor do calls that find the room of one")
}
