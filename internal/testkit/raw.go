package testkit

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
)

// RawServer starts a server that responds to each request with the bytes that
// answer returns, which need not be HTTP, and then closes the connection. It
// returns the server's URL, without a trailing slash.
func RawServer(t testing.TB, answer func(r *http.Request, body string) string) string {
	t.Helper()
	listener := listen(t)
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				body, _ := io.ReadAll(r.Body)
				_, _ = io.WriteString(c, answer(r, string(body)))
			}
			c.Close()
		}
	}()
	return "http://" + listener.Addr().String()
}

// ClosedPort returns the address of a port on which no server listens, such as
// "[::1]:49152". Servers of other tests can't take it, because they listen on
// 127.0.0.1. Without IPv6 it is a port of 127.0.0.1.
func ClosedPort(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		listener = listen(t)
	}
	listener.Close()
	return listener.Addr().String()
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return listener
}

// BadHeader returns a response with text instead of a header field. Package
// net/http quotes the text in its error.
func BadHeader(text string) string { return "HTTP/1.1 200 OK\r\n" + text + "\r\n\r\n" }

// BadStatus returns a response with text instead of the status.
func BadStatus(text string) string { return "HTTP/1.1 " + text + "\r\n\r\n" }

// BadLocation returns a redirect to a URL that can't be parsed and ends in text.
func BadLocation(text string) string {
	return "HTTP/1.1 302 Found\r\nLocation: http://x/%zz?" + text + "\r\nContent-Length: 0\r\n\r\n"
}

// BadTrailer returns a response with text instead of a trailer field.
func BadTrailer(text string) string {
	return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + text + "\r\n\r\n"
}
