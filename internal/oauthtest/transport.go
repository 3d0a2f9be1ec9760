package oauthtest

import (
	"io"
	"net/http"
	"net/http/httptest"
)

// Transport is an [http.RoundTripper] that calls a handler in the caller's
// goroutine, without a network. Use it in a bubble of testing/synctest, and in
// examples.
type Transport struct{ Handler http.Handler }

// RoundTrip implements [http.RoundTripper]. If a handler panics with
// [http.ErrAbortHandler], the connection counts as closed.
func (t Transport) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	came := req.Clone(req.Context())
	came.RequestURI = req.URL.RequestURI()
	if came.Body == nil {
		came.Body = http.NoBody
	}
	if came.Host == "" {
		came.Host = req.URL.Host
	}
	defer came.Body.Close()
	recorder := httptest.NewRecorder()
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			resp, err = cutOff(recorder, req)
		default:
			panic(p)
		}
	}()
	t.Handler.ServeHTTP(recorder, came)
	resp = recorder.Result()
	resp.Request = req
	return resp, nil
}

// cutOff returns what has arrived of a response when its connection closes.
func cutOff(recorder *httptest.ResponseRecorder, req *http.Request) (*http.Response, error) {
	if !recorder.Flushed {
		return nil, io.EOF
	}
	resp := recorder.Result()
	resp.Request = req
	resp.Body = io.NopCloser(io.MultiReader(resp.Body, failing{}))
	return resp, nil
}

// failing is the body of a response whose connection was closed.
type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
