package story

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// RunProgram builds the program in the working directory and tests it: it
// prints its URLs, stops on a termination signal, and has kept everything when
// it is started again.
func RunProgram(t *testing.T) {
	t.Helper()
	t.Parallel()
	folder := t.TempDir()
	binary, file := filepath.Join(folder, "shop"), filepath.Join(folder, "books.db")
	build, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, "%s", build)

	shopURL, sandboxURL, stop := startProgram(t, binary, file, "127.0.0.1:0")
	shelf := newVisitor(t).open(shopURL).says("Green hat", "40 G$").connect("alice")
	require.Equal(t, shopURL+"/", shelf.url.String())
	shelf.buy("gift-wrap").says("You bought 1 × Gift wrap for 8 G$.")
	things := shelf.buy("green-hat").says("You bought 1 × Green hat for 40 G$.")
	require.Equal(t, "952 G$", things.balance())
	stop()

	// The same address, because purchases belong to the server's host.
	shopURL, sandboxURL, stop = startProgram(t, binary, file, strings.TrimPrefix(sandboxURL, "http://"))
	things = newVisitor(t).open(shopURL).connect("alice").follow("My things").says(
		"Green hat You own 1", "Gift wrap 1 ordered",
	)
	require.Equal(t, "952 G$", things.balance())
	purchases := things.follow("My purchases").says("Green hat", "Gift wrap", "Paid and delivered")
	require.Len(t, purchases.find("time"), 2)
	require.Equal(t, sandboxURL+"/account", purchases.submit("/gloebit/disconnect").link("your account at Gloebit"))
	stop()
}

// startProgram starts the program. It returns the URLs that it prints, and a
// function that stops it.
func startProgram(t *testing.T, binary, file, sandbox string) (shopURL, sandboxURL string, stop func()) {
	t.Helper()
	program := exec.Command(binary, "-addr", "127.0.0.1:0", "-sandbox-addr", sandbox, "-db", file)
	program.Stderr = t.Output()
	stdout, err := program.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, program.Start())
	t.Cleanup(func() { _ = program.Process.Signal(os.Kill) }) // it has ended unless the test failed

	lines := bufio.NewReader(stdout)
	says := func(name string) string {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		what, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), name+": ")
		require.True(t, ok, "%q", line)
		return what
	}
	shopURL, sandboxURL = says("shop"), says("sandbox")
	require.Equal(t, file, says("kept in"))
	return shopURL, sandboxURL, func() {
		require.NoError(t, program.Process.Signal(syscall.SIGTERM))
		more, err := io.ReadAll(lines)
		require.NoError(t, err)
		require.Empty(t, more, "three lines and no more")
		require.NoError(t, program.Wait())
	}
}
