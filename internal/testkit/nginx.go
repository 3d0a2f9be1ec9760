package testkit

import (
	"crypto/x509"
	"encoding/pem"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// Nginx is an nginx that terminates TLS on a loopback port.
type Nginx struct {
	URL         string // without a trailing slash
	Address     string // to listen on
	Certificate string // a file
	Key         string // a file
	Client      *http.Client

	t        testing.TB
	program  string
	dir      string
	listener *net.TCPListener
}

// NewNginx returns an nginx that is not started yet, and a client that trusts
// its certificate and keeps cookies. Without nginx on the machine the test is
// skipped or, with GLOEBIT_TEST_REQUIRE=all, fails.
func NewNginx(t testing.TB) *Nginx {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		program, err = exec.LookPath("/usr/sbin/nginx")
	}
	if err != nil && os.Getenv("GLOEBIT_TEST_REQUIRE") == "all" {
		t.Fatal("no nginx on this machine, and GLOEBIT_TEST_REQUIRE=all")
	} else if err != nil {
		t.Skip("no nginx on this machine (Debian: apt-get install nginx)")
	}
	certified := httptest.NewTLSServer(nil)
	certified.Close()
	transport := certified.Client().Transport.(*http.Transport)
	t.Cleanup(transport.CloseIdleConnections)
	certificate := certified.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir, listener := t.TempDir(), listen(t).(*net.TCPListener)
	n := &Nginx{
		URL: "https://" + listener.Addr().String(), Address: listener.Addr().String(),
		Certificate: filepath.Join(dir, "cert.pem"), Key: filepath.Join(dir, "key.pem"),
		Client: &http.Client{Transport: transport, Jar: NewJar(t)},
		t:      t, program: program, dir: dir, listener: listener,
	}
	n.write("cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]}))
	n.write("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	return n
}

// Start starts nginx with text in its http block, and stops it when the test
// ends.
func (n *Nginx) Start(text string) {
	n.t.Helper()
	n.write("nginx.conf", []byte(`
daemon off; worker_processes 1; pid nginx.pid;
events {}
http {
access_log off; client_body_temp_path body; proxy_temp_path proxy;
fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
`+text+`
}`))
	socket, err := n.listener.File()
	if err != nil {
		n.t.Fatal(err)
	}
	defer socket.Close()
	var log Log
	cmd := exec.Command(n.program, "-p", n.dir, "-c", filepath.Join(n.dir, "nginx.conf"), "-e", "stderr")
	// nginx inherits the socket as in an upgrade of its binary.
	cmd.ExtraFiles, cmd.Env, cmd.Stderr = []*os.File{socket}, []string{"NGINX=3;"}, &log
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	_ = n.listener.Close()
	n.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // to the master, which ends its worker
		if err := cmd.Wait(); err != nil {
			n.t.Error(err)
		}
		if n.t.Failed() {
			n.t.Log(log.String())
		}
	})
}

func (n *Nginx) write(name string, text []byte) {
	n.t.Helper()
	if err := os.WriteFile(filepath.Join(n.dir, name), text, 0o600); err != nil {
		n.t.Fatal(err)
	}
}
