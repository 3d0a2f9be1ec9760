package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"flag"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// asCommand makes the test binary the command itself, so that tests can kill it.
const asCommand = "GLOEBIT_SANDBOX_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// printed is what the sandbox prints at the start.
type printed struct {
	url, id, secret string
	listens         string // the address, if it is not the URL's
}

func read(t *testing.T, stdout io.Reader) printed {
	t.Helper()
	lines := bufio.NewScanner(stdout)
	var p printed
	for _, line := range []struct {
		prefix string
		value  *string
	}{{"sandbox: ", &p.url}, {"export GLOEBIT_CLIENT_ID=", &p.id}, {"export GLOEBIT_CLIENT_SECRET=", &p.secret}} {
		require.True(t, lines.Scan(), "the output ended before %q", line.prefix)
		value, ok := strings.CutPrefix(lines.Text(), line.prefix)
		require.True(t, ok, lines.Text())
		*line.value = value
	}
	p.url, p.listens, _ = strings.Cut(p.url, " (listens on ")
	p.listens = strings.TrimSuffix(p.listens, ")")
	p.id, p.secret = unquoted(t, p.id), unquoted(t, p.secret)
	return p
}

// unquoted is the text as a shell reads it.
func unquoted(t *testing.T, text string) string {
	t.Helper()
	output, err := exec.Command("sh", "-c", "printf %s "+text).Output()
	require.NoError(t, err)
	return string(output)
}

// launch runs the sandbox within the test. The function that it returns stops it.
func launch(t *testing.T, args ...string) (printed, func() error) {
	t.Helper()
	return launchTo(t, io.Discard, args...)
}

// launchTo is launch with a place for what goes to standard error.
func launchTo(t *testing.T, stderr io.Writer, args ...string) (printed, func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	reader, writer := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := run(ctx, append([]string{"-addr", "127.0.0.1:0"}, args...), writer, stderr)
		_ = writer.CloseWithError(io.EOF)
		ended <- err
	}()
	t.Cleanup(cancel)
	p := read(t, reader)
	return p, func() error { cancel(); return <-ended }
}

func TestPrintsSettingsAndStops(t *testing.T) {
	const secret = `it's; "$(ls)" #3`
	p, stop := launch(
		t, "-client-id", "hat-shop", "-client-secret", secret, "-redirect", "http://127.0.0.1:1/,http://127.0.0.1:2/cb",
		"-redirect", "http://127.0.0.1:3/",
	)
	require.Regexp(t, `^http://127\.0\.0\.1:[1-9][0-9]*$`, p.url)
	require.Equal(t, "hat-shop", p.id)
	require.Equal(t, secret, p.secret)
	body := get(t, http.DefaultClient, p.url+"/merchant/hat-shop")
	require.Contains(t, body, "http://127.0.0.1:1/\nhttp://127.0.0.1:2/cb\nhttp://127.0.0.1:3/</textarea>")
	require.NoError(t, stop())
	_, err := http.Get(p.url)
	require.Error(t, err, "the port is closed")
}

func TestGeneratedKeyAndSecretPersist(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	first, stop := launch(t, "-state", file)
	require.Regexp(t, `^[0-9a-f-]{36}$`, first.id)
	require.NotEqual(t, first.id, first.secret)
	require.NoError(t, stop())
	second, stop := launch(t, "-state", file)
	require.NoError(t, stop())
	require.Equal(t, [2]string{first.id, first.secret}, [2]string{second.id, second.secret})
}

func TestCertificateCanBeTrusted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "certificate.pem")
	p, stop := launch(t, "-tls", "-tls-cert", file)
	require.Regexp(t, `^https://127\.0\.0\.1:[1-9][0-9]*$`, p.url)
	_, err := http.Get(p.url)
	require.Error(t, err, "it is not trusted by default")
	pem, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NotContains(t, string(pem), "PRIVATE")
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(pem))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	require.Contains(t, get(t, client, p.url), "Sandbox: play money")
	require.Contains(t, get(t, client, strings.Replace(p.url, "127.0.0.1", "localhost", 1)), "Sandbox: play money")
	require.NoError(t, stop())
}

func TestListening(t *testing.T) {
	for name, test := range map[string]struct {
		addr, url, listens string // regular expressions
		warns              bool
	}{
		"loopback":          {"127.0.0.1:0", `http://127\.0\.0\.1:\d+`, "", false},
		"another loopback":  {"127.0.0.2:0", `http://127\.0\.0\.2:\d+`, "", false},
		"localhost":         {"localhost:0", `http://localhost:\d+`, `(127\.0\.0\.1|\[::1\]):\d+`, false},
		"every address":     {":0", `http://127\.0\.0\.1:\d+`, `(\[::\]|0\.0\.0\.0):\d+`, true},
		"every IPv4":        {"0.0.0.0:0", `http://127\.0\.0\.1:\d+`, `(\[::\]|0\.0\.0\.0):\d+`, true},
		"every IPv6 or any": {"[::]:0", `http://127\.0\.0\.1:\d+`, `\[::\]:\d+`, true},
	} {
		t.Run(name, func(t *testing.T) {
			var stderr bytes.Buffer
			p, stop := launchTo(t, &stderr, "-addr", test.addr)
			require.Regexp(t, "^"+test.url+"$", p.url)
			require.Regexp(t, "^"+test.listens+"$", p.listens)
			require.Contains(t, get(t, http.DefaultClient, p.url), "Sandbox: play money")
			require.NoError(t, stop())
			warning := regexp.MustCompile(`(?m)^gloebit-sandbox: warning: it listens on (\S+), beyond this machine: .+$`)
			found := warning.FindAllStringSubmatch(stderr.String(), -1)
			if !test.warns {
				require.Empty(t, found, stderr.String())
				return
			}
			require.Len(t, found, 1, stderr.String())
			require.Equal(t, p.listens, found[0][1])
		})
	}
}

func TestHostNames(t *testing.T) {
	file := filepath.Join(t.TempDir(), "certificate.pem")
	p, stop := launch(t, "-tls", "-tls-cert", file, "-host", "Shop.example,192.0.2.7", "-host", "sandbox")
	pem, err := os.ReadFile(file)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(pem))
	address := strings.TrimPrefix(p.url, "https://")
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots},
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	for _, host := range []string{"shop.example", "192.0.2.7", "sandbox", "localhost", "127.0.0.1", "[::1]"} {
		require.Contains(t, get(t, client, "https://"+host+":8443/"), "Sandbox: play money", host)
	}
	_, err = client.Get("https://rebound.example/")
	require.ErrorContains(t, err, "certificate")
	r, err := http.NewRequest(http.MethodGet, "https://sandbox/", nil)
	require.NoError(t, err)
	r.Host = "rebound.example"
	response, err := client.Do(r)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusMisdirectedRequest, response.StatusCode)
	require.NoError(t, stop())
}

func TestCommandLinesThatAreRefused(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	for name, args := range map[string][]string{
		"an unknown flag":            {"-port", "1"},
		"an argument":                {"8081"},
		"an address without port":    {"-addr", "127.0.0.1"},
		"a port that is taken":       {"-addr", taken.Addr().String()},
		"a redirect that is empty":   {"-redirect", "http://127.0.0.1:1/,"},
		"a redirect without a host":  {"-addr", "127.0.0.1:0", "-redirect", "/callback"},
		"a host with a scheme":       {"-addr", "127.0.0.1:0", "-host", "http://sandbox"},
		"a host with a port":         {"-addr", "127.0.0.1:0", "-host", "sandbox:8081"},
		"a host with a star":         {"-addr", "127.0.0.1:0", "-host", "*.example"},
		"a host that is empty":       {"-addr", "127.0.0.1:0", "-host", "sandbox,"},
		"a certificate without TLS":  {"-addr", "127.0.0.1:0", "-tls-cert", "x.pem"},
		"a certificate to nowhere":   {"-addr", "127.0.0.1:0", "-tls", "-tls-cert", "/no/such/folder/x.pem"},
		"a state file to nowhere":    {"-addr", "127.0.0.1:0", "-state", "/no/such/folder/x.json"},
		"a state file of other kind": {"-addr", "127.0.0.1:0", "-state", "main_test.go"},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			var stdout bytes.Buffer
			require.Error(t, run(ctx, args, &stdout, io.Discard))
			require.Empty(t, stdout.String())
		})
	}
	var help bytes.Buffer
	err = run(context.Background(), []string{"-h"}, io.Discard, &help)
	require.ErrorIs(t, err, flag.ErrHelp)
	require.Contains(t, help.String(), "-redirect PREFIX")
	require.Contains(t, help.String(), "http://127.0.0.1:8080/ and http://localhost:8080/", "the default of -redirect")
}

// process starts the command as a process of its own.
func process(t *testing.T, args ...string) (*exec.Cmd, printed) {
	t.Helper()
	cmd := exec.Command(os.Args[0], append([]string{"-addr", "127.0.0.1:0"}, args...)...)
	cmd.Env = append(os.Environ(), asCommand+"=1")
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, read(t, stdout)
}

func TestAnsweredRequestsSurviveKill(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.json")
	var id string
	for round, want := range []string{"1100", "1200", "1300"} {
		cmd, p := process(t, "-state", file)
		if round > 0 {
			require.Equal(t, id, p.id)
		}
		id = p.id
		jar, err := cookiejar.New(nil)
		require.NoError(t, err)
		client := &http.Client{Jar: jar}
		send(t, client, p.url+"/sign-in", url.Values{"name": {"alice"}})
		send(t, client, p.url+"/purchase", url.Values{"amount": {"100"}})
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait())
		require.Contains(t, balanceAfter(t, file), want)
	}
}

// balanceAfter starts the sandbox on a file and reads alice's balance from the sign-in page.
func balanceAfter(t *testing.T, file string) string {
	t.Helper()
	p, stop := launch(t, "-state", file)
	body := get(t, http.DefaultClient, p.url+"/sign-in")
	require.NoError(t, stop())
	found := regexp.MustCompile(`<span>alice</span><span class="muted">([0-9,]+) G\$`).FindStringSubmatch(body)
	require.NotNil(t, found, body)
	return strings.ReplaceAll(found[1], ",", "")
}

func TestSignalsStopItGracefully(t *testing.T) {
	for _, signal := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		cmd, p := process(t)
		require.Contains(t, get(t, http.DefaultClient, p.url), "Sandbox: play money")
		require.NoError(t, cmd.Process.Signal(signal))
		require.NoError(t, cmd.Wait(), "exit status 0 after %s", signal)
	}
}

func TestFailureExitsWithStatusOne(t *testing.T) {
	cmd := exec.Command(os.Args[0], "-addr", "nowhere")
	cmd.Env = append(os.Environ(), asCommand+"=1")
	output, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit)
	require.Equal(t, 1, exit.ExitCode())
	require.Contains(t, string(output), "gloebit-sandbox: -addr:")
}

func get(t *testing.T, client *http.Client, address string) string {
	t.Helper()
	resp, err := client.Get(address)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(body)
}

func send(t *testing.T, client *http.Client, address string, form url.Values) {
	t.Helper()
	resp, err := client.PostForm(address, form)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
}
