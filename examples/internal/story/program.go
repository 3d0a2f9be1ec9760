package story

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// RunProgram builds the program in the working directory and tells a short story
// to it: it prints where it is, and stops on a termination signal.
func RunProgram(t *testing.T) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "shop")
	build, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, "%s", build)

	program := exec.Command(binary, "-addr", "127.0.0.1:0", "-sandbox-addr", "127.0.0.1:0")
	program.Stderr = t.Output()
	stdout, err := program.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, program.Start())
	t.Cleanup(func() { _ = program.Process.Signal(os.Kill) }) // it has ended unless the test failed

	lines := bufio.NewScanner(stdout)
	require.True(t, lines.Scan())
	shopURL, ok := strings.CutPrefix(lines.Text(), "shop: ")
	require.True(t, ok, "%q", lines.Text())
	require.True(t, lines.Scan())
	sandboxURL, ok := strings.CutPrefix(lines.Text(), "sandbox: ")
	require.True(t, ok, "%q", lines.Text())

	shelf := newVisitor(t).open(shopURL).says("Green hat", "40 G$").connect("alice")
	require.Equal(t, shopURL+"/", shelf.url.String())
	things := shelf.submit("/buy/green-hat").says("You bought 1 × Green hat for 40 G$.")
	require.Equal(t, "960 G$", things.balance())
	require.Equal(t, sandboxURL+"/account", things.submit("/gloebit/disconnect").link("your account at Gloebit"))

	require.NoError(t, program.Process.Signal(syscall.SIGTERM))
	require.False(t, lines.Scan(), "two lines and no more")
	require.NoError(t, program.Wait())
}
