package connect_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/stretchr/testify/require"
)

// savedSession is a changed session. Saving it returns err.
type savedSession struct{ err error }

func (s savedSession) Save(w http.ResponseWriter) error {
	if s.err == nil {
		w.Header().Add("Saved", "once")
	}
	return s.err
}

func (s savedSession) Fail(w http.ResponseWriter, err error) {
	http.Error(w, err.Error(), http.StatusServiceUnavailable)
}

// serveSaved answers one request on a real server.
func serveSaved(t *testing.T, s savedSession, handler http.HandlerFunc) (*http.Response, string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		writer := &connect.SaveWriter{ResponseWriter: w, Session: s}
		handler(writer, r)
		writer.Begin()
	}))
	defer server.Close()
	response, err := server.Client().Get(server.URL)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(body)
}

// savingAnswers are the ways to begin a response.
var savingAnswers = map[string]struct {
	answer func(http.ResponseWriter) error
	status int
	body   string
}{
	"with nothing": {func(http.ResponseWriter) error { return nil }, 200, ""},
	"with a body": {
		func(w http.ResponseWriter) error { _, err := w.Write([]byte("secret")); return err }, 200, "secret",
	},
	"with a string": {
		func(w http.ResponseWriter) error { _, err := io.WriteString(w, "secret"); return err }, 200, "secret",
	},
	"with a file": {
		func(w http.ResponseWriter) error { _, err := io.Copy(w, strings.NewReader("secret")); return err }, 200, "secret",
	},
	"with the header alone": {
		func(w http.ResponseWriter) error { w.WriteHeader(http.StatusNoContent); return nil }, 204, "",
	},
	"with a flush": {func(w http.ResponseWriter) error { w.(http.Flusher).Flush(); return nil }, 200, ""},
	"with a flush by a controller": {
		func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() }, 200, "",
	},
	"with hints before the header": {
		func(w http.ResponseWriter) error { w.WriteHeader(http.StatusEarlyHints); return nil }, 200, "",
	},
	"with a header and then a body": {
		func(w http.ResponseWriter) error { w.WriteHeader(418); _, err := w.Write([]byte("secret")); return err }, 418,
		"secret",
	},
}

func TestSessionIsSavedOncePerResponse(t *testing.T) {
	for name, c := range savingAnswers {
		t.Run(name, func(t *testing.T) {
			response, body := serveSaved(
				t, savedSession{}, func(w http.ResponseWriter, _ *http.Request) { require.NoError(t, c.answer(w)) },
			)
			require.Equal(t, []string{"once"}, response.Header.Values("Saved"))
			require.Equal(t, c.status, response.StatusCode)
			require.Equal(t, c.body, body)
		})
	}
}

// ofOneAnswer are headers that must not be sent with another response.
var ofOneAnswer = []string{
	"Location", "Refresh", "HX-Redirect", "HX-Location", "Content-Encoding", "Content-Range", "Content-Disposition",
	"ETag", "Last-Modified",
}

func TestSaveErrorReplacesResponse(t *testing.T) {
	for name, c := range savingAnswers {
		t.Run(name, func(t *testing.T) {
			var written error
			response, body := serveSaved(t, savedSession{errors.New("the database is down")}, func(
				w http.ResponseWriter, _ *http.Request,
			) {
				for _, of := range append([]string{"Content-Length"}, ofOneAnswer...) {
					w.Header().Set(of, "6")
				}
				written = c.answer(w)
			})
			require.Equal(t, http.StatusServiceUnavailable, response.StatusCode)
			require.Equal(t, "the database is down\n", body)
			for _, of := range ofOneAnswer {
				require.Empty(t, response.Header.Get(of), "of the answer that is not sent")
			}
			if c.body != "" {
				require.ErrorIs(t, written, connect.ErrNotSaved)
			}
		})
	}
}

// TestSessionIsSavedBeforeSwitchingProtocols checks status 101, the only
// informational status that ends a response.
func TestSessionIsSavedBeforeSwitchingProtocols(t *testing.T) {
	for status, saved := range map[int][]string{http.StatusSwitchingProtocols: {"once"}, http.StatusEarlyHints: nil} {
		recorder := httptest.NewRecorder()
		writer := &connect.SaveWriter{ResponseWriter: recorder, Session: savedSession{}}
		writer.WriteHeader(status)
		require.Equal(t, saved, recorder.Header().Values("Saved"), status)
	}
}

// TestSaveWriterHijack hijacks a connection below the package's own sessions,
// as a WebSocket does.
func TestSaveWriterHijack(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		session := &countingSession{}
		writer := &connect.SaveWriter{ResponseWriter: w, Session: session}
		conn, _, err := http.Hijacker(writer).Hijack()
		if err != nil || session.saves != 1 {
			t.Error(err, session.saves)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: close\r\n\r\n")
	}))
	defer server.Close()
	resp, err := server.Client().Get(server.URL)
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusSwitchingProtocols, resp.StatusCode)
}

// TestSaveWriterCloseNotify checks that CloseNotify reaches the writer beneath
// another one.
func TestSaveWriterCloseNotify(t *testing.T) {
	gone := make(chan bool, 1)
	gone <- true
	for name, c := range map[string]struct {
		under http.ResponseWriter
		gone  bool
	}{
		"beneath another writer": {&connect.SaveWriter{ResponseWriter: wrapping{notifying{gone: gone}}}, true},
		"nowhere":                {&connect.SaveWriter{ResponseWriter: wrapping{httptest.NewRecorder()}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			select {
			case <-c.under.(interface{ CloseNotify() <-chan bool }).CloseNotify():
				require.True(t, c.gone)
			default:
				require.False(t, c.gone)
			}
		})
	}
}

// wrapping is a writer around another.
type wrapping struct{ http.ResponseWriter }

func (w wrapping) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// notifying is a writer that reports when its client has disconnected.
type notifying struct {
	http.ResponseWriter
	gone chan bool
}

func (w notifying) CloseNotify() <-chan bool { return w.gone }

// countingSession is a session that counts how often it is saved.
type countingSession struct{ saves int }

func (s *countingSession) Save(http.ResponseWriter) error        { s.saves++; return nil }
func (s *countingSession) Fail(w http.ResponseWriter, err error) { http.Error(w, err.Error(), 500) }
