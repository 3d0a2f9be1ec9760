package adaptertest

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"time"
)

// Raw changes the session and uses the response writer in one of the ways that
// net/http allows. w must be the framework's own writer.
func (a *App) Raw(what string, w http.ResponseWriter, r *http.Request) {
	a.Remember(r.Context())
	var err error
	switch what {
	case "hijack":
		err = takeOver(w)
	case "copy":
		_, err = io.Copy(w, struct{ io.Reader }{strings.NewReader(strings.Repeat(firstChunk, 1000))})
	case "hint":
		w.Header().Set("Link", "</style.css>; rel=preload")
		beneath(w).WriteHeader(http.StatusEarlyHints)
		_, err = io.WriteString(w, firstChunk)
	case "control":
		err = converse(w, r)
	}
	if err != nil {
		a.note(fmt.Sprintf("%s: %v", what, err))
	}
}

// takeOver hijacks the connection as websocket packages do, such as
// github.com/coder/websocket: it sends the status and headers, hijacks the
// connection, and echoes a line.
func takeOver(w http.ResponseWriter) error {
	w.Header().Set("Upgrade", "echo")
	w.Header().Set("Connection", "Upgrade")
	w.WriteHeader(http.StatusSwitchingProtocols)
	if lazy, ok := w.(interface{ WriteHeaderNow() }); ok { // gin's writer
		lazy.WriteHeaderNow()
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return err
	}
	defer conn.Close()
	line, err := buffered.ReadString('\n')
	if err != nil {
		return err
	}
	_, _ = io.WriteString(buffered, line)
	return buffered.Flush()
}

// beneath returns net/http's own writer. The writers of gin and echo treat an
// informational status as the final one.
func beneath(w http.ResponseWriter) http.ResponseWriter {
	for {
		wrapped, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		w = wrapped.Unwrap()
	}
}

// converse echoes each line of the request's body before it reads the next.
func converse(w http.ResponseWriter, r *http.Request) error {
	controller := http.NewResponseController(w)
	soon := time.Now().Add(time.Minute)
	for _, set := range []func() error{
		controller.EnableFullDuplex,
		func() error { return controller.SetReadDeadline(soon) },
		func() error { return controller.SetWriteDeadline(soon) },
		controller.Flush,
	} {
		if err := set(); err != nil {
			return err
		}
	}
	lines := bufio.NewScanner(r.Body)
	for lines.Scan() {
		_, _ = io.WriteString(w, lines.Text()+"\n")
		if err := controller.Flush(); err != nil {
			return err
		}
	}
	return lines.Err()
}

func hijack(w *world) {
	b := w.browser()
	request := b.request(http.MethodGet, "/raw/hijack", asScript)
	request.Header.Set("Connection", "Upgrade")
	request.Header.Set("Upgrade", "echo")
	response, err := b.rawClient().Do(request)
	w.ok(err)
	defer response.Body.Close()
	w.equal("the status", response.StatusCode, http.StatusSwitchingProtocols)
	conn, ok := response.Body.(io.ReadWriter)
	if !ok {
		w.Fatal("the connection was not taken over")
	}
	_, err = io.WriteString(conn, firstChunk)
	w.ok(err)
	line, err := bufio.NewReader(conn).ReadString('\n')
	w.ok(err)
	w.equal("the line that comes back", line, firstChunk)
	w.ran()
	b.load("/noted").wants(http.StatusOK, "noted") // the session's cookie was in the response's header
}

func copyFile(w *world) {
	b := w.browser()
	b.load("/raw/copy").wants(http.StatusOK, strings.Repeat(firstChunk, 1000))
	w.ran()
	b.load("/noted").wants(http.StatusOK, "noted")
}

func earlyHint(w *world) {
	b := w.browser()
	request := b.request(http.MethodGet, "/raw/hint", asPage)
	var hints []string
	request = request.WithContext(httptrace.WithClientTrace(request.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(status int, header textproto.MIMEHeader) error {
			hints = append(hints, fmt.Sprint(status, " ", header.Get("Link")))
			return nil
		},
	}))
	b.send(b.steps, request).wants(http.StatusOK, firstChunk)
	w.equal("the hints", strings.Join(hints, ", "), "103 </style.css>; rel=preload")
	b.load("/noted").wants(http.StatusOK, "noted")
}

// control checks that a line is only sent after the previous one came back.
func control(w *world) {
	b := w.browser()
	body, lines := io.Pipe()
	request := b.request(http.MethodPost, "/raw/control", asScript)
	request.Body, request.ContentLength = body, -1
	response, err := b.rawClient().Do(request)
	w.ok(err)
	defer response.Body.Close()
	back := bufio.NewReader(response.Body)
	for _, line := range []string{firstChunk, secondChunk} {
		_, err := io.WriteString(lines, line)
		w.ok(err)
		got, err := back.ReadString('\n')
		w.ok(err)
		w.equal("the line that comes back", got, line)
	}
	w.ok(lines.Close())
	_, err = io.Copy(io.Discard, back)
	w.ok(err)
	w.ran()
}
