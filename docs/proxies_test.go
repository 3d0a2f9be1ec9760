package docs_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/internal/testkit"
	"github.com/stretchr/testify/require"
)

// newProxied is an application behind a proxy that strips the prefix /shop.
// Config.RedirectURL is the address that browsers see, such as
// https://shop.example/shop/gloebit/callback.
func newProxied(config gloebit.Config, allow func(address string) bool) (http.Handler, error) {
	config.RateLimit = func(r *http.Request) error {
		if address := r.Header.Get("X-Real-IP"); !allow(address) { // RemoteAddr is the proxy's
			return &gloebit.RateLimitError{RetryAfter: time.Minute}
		}
		return nil
	}
	merchant, err := gloebit.New(config)
	if err != nil {
		return nil, err
	}
	cart := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s at %s", gloebit.MustFromContext(r.Context()).User().Name, r.URL.Path)
	}
	mux := http.NewServeMux()
	for _, path := range merchant.Routes() { // with and without the prefix
		mux.Handle(path, merchant.Handler())
	}
	mux.Handle("GET /cart", merchant.RequireGloebit(http.HandlerFunc(cart)))
	return mux, nil
}

// TestNginx runs the configuration that proxies.md shows.
func TestNginx(t *testing.T) {
	if _, err := exec.LookPath("nginx"); err != nil {
		require.NotEqual(t, "all", os.Getenv("GLOEBIT_TEST_REQUIRE"), "nginx is not installed")
		t.Skip("nginx is not installed")
	}
	front, client := startNginx(t)
	shop := testkit.NewShop(t, gloebittest.Config{})
	_, err := shop.Gloebit.AddApplication(gloebittest.Application{
		Key: "proxied", Secret: "secret", RedirectPrefixes: []string{front.url + "/"},
	})
	require.NoError(t, err)
	site, err := newProxied(gloebit.Config{
		ClientID: "proxied", ClientSecret: "secret", Provider: gloebit.ProviderAt(shop.Gloebit.URL),
		RedirectURL: front.url + "/shop/gloebit/callback", SignIn: true, Scopes: []gloebit.Scope{gloebit.ScopeID},
	}, func(address string) bool { return address == "127.0.0.1" })
	require.NoError(t, err)
	front.serve(t, site)

	page := testkit.Load(t, client, testkit.NewRequest(t, http.MethodGet, front.url+"/shop/cart", nil))
	require.Equal(t, "/shop/cart", page.URL.Path, page.Body)
	require.Equal(t, "alice at /cart", page.Body)
	require.NotEmpty(t, page.Header.Get("Strict-Transport-Security"))
}

// frontend is a running nginx, and the listener of the server behind it.
type frontend struct {
	url    string
	behind net.Listener
}

func (f *frontend) serve(t *testing.T, handler http.Handler) {
	t.Helper()
	server := &httptest.Server{Listener: f.behind, Config: &http.Server{Handler: handler}}
	server.Start()
	t.Cleanup(server.Close)
}

// startNginx runs the first nginx block of proxies.md on loopback ports, and
// returns a browser that trusts its certificate.
func startNginx(t *testing.T) (*frontend, *http.Client) {
	t.Helper()
	behind, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	socket, err := listener.(*net.TCPListener).File()
	require.NoError(t, err)
	address := listener.Addr().String()
	require.NoError(t, listener.Close()) // the socket stays open

	dir := t.TempDir()
	tlsServer := httptest.NewUnstartedServer(nil)
	tlsServer.StartTLS()
	certificate := tlsServer.TLS.Certificates[0]
	client := tlsServer.Client()
	tlsServer.Close()
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	require.NoError(t, err)
	for name, block := range map[string]*pem.Block{
		"certificate.pem": {Type: "CERTIFICATE", Bytes: certificate.Certificate[0]},
		"key.pem":         {Type: "PRIVATE KEY", Bytes: key},
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600))
	}
	shown := regexp.MustCompile("(?s)```nginx\n(.*?)```").FindStringSubmatch(read(t, "proxies.md"))
	require.NotNil(t, shown)
	site := strings.NewReplacer(
		"listen 443 ssl", "listen "+address+" ssl",
		"server_name shop.example", "server_name 127.0.0.1",
		"/etc/ssl/shop.example.pem", filepath.Join(dir, "certificate.pem"),
		"/etc/ssl/shop.example.key", filepath.Join(dir, "key.pem"),
		"10.0.0.1:8080", behind.Addr().String(), "\tserver 10.0.0.2:8080;\n", "",
	).Replace(shown[1])
	config := "user root;\npid nginx.pid;\nevents {}\nhttp {\naccess_log off;\n" + site
	for _, kind := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		config += kind + "_temp_path " + filepath.Join(dir, kind) + ";\n"
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(config+"}\n"), 0o600))

	var log bytes.Buffer
	nginx := exec.Command("nginx", "-p", dir, "-c", "nginx.conf", "-e", "stderr", "-g", "daemon off;")
	nginx.Stderr, nginx.ExtraFiles = &log, []*os.File{socket}
	nginx.Env = append(os.Environ(), "NGINX=3;") // the socket that it inherits
	require.NoError(t, nginx.Start())
	t.Cleanup(func() {
		require.NoError(t, errors.Join(socket.Close(), nginx.Process.Signal(syscall.SIGTERM)))
		require.NoError(t, nginx.Wait(), "%s", &log)
		client.CloseIdleConnections()
	})
	client.Jar, client.Timeout = testkit.NewJar(t), 20*time.Second
	return &frontend{"https://" + address, behind}, client
}

func TestStrippedPrefix(t *testing.T) {
	shop := testkit.NewShop(t, gloebittest.Config{})
	config := shop.Config()
	config.RedirectURL = shop.Server.URL + "/shop/gloebit/callback"
	config.SignIn = true
	site, err := newProxied(config, func(address string) bool { return address == "" })
	require.NoError(t, err)
	shop.Serve(http.StripPrefix("/shop", site))
	browser := testkit.NewBrowser(t)
	page := testkit.Load(t, browser, testkit.NewRequest(t, http.MethodGet, shop.Server.URL+"/shop/cart", nil))
	require.Equal(t, "/shop/cart", page.URL.Path, page.Body)
	require.Equal(t, "alice at /cart", page.Body)

	limited := testkit.NewRequest(t, http.MethodGet, shop.Server.URL+"/shop/gloebit/connect", nil)
	limited.Header.Set("X-Real-IP", "192.0.2.1")
	page = testkit.Load(t, browser, limited)
	require.Equal(t, http.StatusTooManyRequests, page.Status)
	require.Equal(t, "60", page.Header.Get("Retry-After"))
}
