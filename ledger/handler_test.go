package ledger_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

func TestSecurity31UnsignedCallbacksAre404(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.bought(hat).ID
	w.put("another", ledger.Accepted)
	tx, _ := w.gloebit.Transaction(w.app.Key, id)
	good := strings.TrimPrefix(tx.Hold.Enact, w.config.CallbackURL) // as the ledger signs, whatever that is
	signature := good[strings.LastIndex(good, "/")+1:]
	before := w.store.calls
	for _, short := range []string{"/", "/x", "/" + id + "/enact"} { // whatever is left by http.StripPrefix
		recorder := httptest.NewRecorder()
		w.ledger.Handler().ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, short, nil))
		require.Equal(t, http.StatusNotFound, recorder.Code)
	}
	for name, bad := range map[string]string{
		"another purchase's signature": "/another/enact/" + signature,
		"another step's signature":     "/" + id + "/cancel/" + signature,
		"another key":                  path("another key, that is 32 bytes too", w.realm(), id, "enact"),
		"no signature":                 "/" + id + "/enact/",
		"no segment for a signature":   "/" + id + "/enact",
		"a signature cut short":        good[:len(good)-1],
		"a signature with more":        good + "A",
		"a signature in another case":  strings.ToUpper(good),
		"a signature that is padded":   good + "=",
		"an id in another case":        strings.Replace(good, id, strings.ToUpper(id), 1),
		"a step in another case":       strings.Replace(good, "/enact/", "/Enact/", 1),
		"a segment after it":           good + "/",
		"an unknown step":              path(key, w.realm(), id, "deliver"),
		"an empty step":                path(key, w.realm(), id, ""),
		"an unknown purchase":          "/unknown/enact/" + signature,
		"nothing":                      "/",
		"a line feed in the id":        strings.Replace(good, id, id+"%0Aenact", 1),
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodHead} {
			status, body := w.request(method, w.config.CallbackURL+bad)
			require.Equal(t, http.StatusNotFound, status, "%s: %s", method, name)
			if method != http.MethodHead {
				require.Equal(t, "Not Found", body, name)
			}
		}
	}
	require.Equal(t, before, w.store.calls, "the store is not asked")
	w.wantState(id, ledger.Accepted)
	require.Contains(t, w.log.String(), "not signed")
	require.NotContains(t, w.log.String(), signature, "signatures stay out of the log")
	status, body := w.request(http.MethodGet, w.config.CallbackURL+good)
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, yes, body)
}

// TestSecurity31SignaturesAreNotLoggedOrStored checks that a reader of the log
// or the store can't make callbacks.
func TestSecurity31SignaturesAreNotLoggedOrStored(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var seen []ledger.Purchase
	for _, fail := range []error{nil, errDown} {
		w.goods.deliver = saying(fail)
		p := w.bought(hat)
		w.settle()
		w.wantAnswer(p.ID, "consume", http.StatusOK, yes)
		w.wantAnswer(p.ID, "cancel", http.StatusConflict, `[false,"settled"]`)
		w.store.failing(errDown)
		w.wantAnswer(p.ID, "enact", http.StatusServiceUnavailable, pending)
		w.store.failing(nil)
		seen = append(seen, w.get(p.ID))
	}
	for _, p := range seen {
		tx, _ := w.gloebit.Transaction(w.app.Key, p.ID)
		for _, called := range []string{tx.Hold.Enact, tx.Hold.Consume, tx.Hold.Cancel} {
			signature := called[strings.LastIndex(called, "/")+1:]
			require.NotContains(t, w.log.String(), signature)
			require.NotContains(t, fmt.Sprintf("%+v", seen), signature)
		}
	}
}

func TestOnlyGETIsACallback(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.put("purchase", ledger.Accepted).ID
	for _, method := range []string{
		http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions,
	} {
		recorder := httptest.NewRecorder()
		w.ledger.Handler().ServeHTTP(recorder, httptest.NewRequest(method, path(key, w.realm(), id, "enact"), nil))
		require.Equal(t, http.StatusMethodNotAllowed, recorder.Code, method)
		require.Equal(t, "GET", recorder.Header().Get("Allow"))
	}
	w.wantState(id, ledger.Accepted)
}

func TestSecurity31KeysRotate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.bought(hat)
	old := w.config.Keys
	w.config.Keys = append([]gloebit.Secret{"the second key, of 32 bytes or more"}, old...)
	w.start()
	second := w.bought(hat)
	w.settle()
	w.wantState(p.ID, ledger.Delivered)
	w.wantState(second.ID, ledger.Delivered)
	tx, _ := w.gloebit.Transaction(w.app.Key, second.ID)
	require.Equal(
		t, w.config.CallbackURL+path(w.config.Keys[0], w.realm(), second.ID, "enact"), tx.Hold.Enact, "the first key signs",
	)

	w.config.Keys = w.config.Keys[:1]
	w.start()
	status, _ := w.call(p.ID, "enact")
	require.Equal(t, http.StatusNotFound, status, "a key that was dropped is not believed")
}

func TestSecurity31HoldURLsIgnoreTheRequest(t *testing.T) {
	t.Parallel()
	for _, base := range []string{
		"https://shop.example/a/prefix/hold", "https://shop.example/a/prefix/hold/", "https://shop.example",
	} {
		w := newWorld(t)
		w.config.CallbackURL = base
		w.start()
		p := w.bought(hat)
		tx, _ := w.gloebit.Transaction(w.app.Key, p.ID)
		for step, got := range map[string]string{
			"enact": tx.Hold.Enact, "consume": tx.Hold.Consume, "cancel": tx.Hold.Cancel,
		} {
			require.Equal(t, strings.TrimSuffix(base, "/")+path(key, w.realm(), p.ID, step), got)
		}
	}
}

func TestCallbacksWorkWithAndWithoutPrefix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i, prefix := range []string{"", "/hold", "/gloebit/hold", "/behind/a/proxy"} {
		id := w.put(fmt.Sprint("purchase-", i), ledger.Accepted).ID
		recorder := httptest.NewRecorder()
		request := httptest.NewRequest(http.MethodGet, prefix+path(key, w.realm(), id, "enact"), nil)
		request.Host = "evil.example"
		w.ledger.Handler().ServeHTTP(recorder, request)
		require.Equal(t, http.StatusOK, recorder.Code)
		require.Equal(t, yes, recorder.Body.String())
		w.wantState(id, ledger.Reserved)
	}
}

func TestReserveMayAskForTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.put("purchase", ledger.Accepted).ID
	for name, err := range map[string]error{
		"not yet":              ledger.ErrTryAgain,
		"ErrTryAgain, wrapped": fmt.Errorf("the warehouse is closed: %w", ledger.ErrTryAgain),
		"its context ended":    context.DeadlineExceeded,
		"it was called off":    fmt.Errorf("query: %w", context.Canceled),
	} {
		w.goods.reserve = saying(err)
		w.wantAnswer(id, "enact", http.StatusOK, pending)
		p := w.wantState(id, ledger.Accepted)
		require.Len(t, p.History, 1, name)
	}
	w.goods.reserve = nil
	w.wantAnswer(id, "enact", http.StatusOK, yes)
	w.wantState(id, ledger.Reserved)
}

func TestFulfillerPanicIsRetried(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.put("purchase", ledger.Accepted).ID
	explode := func(context.Context, ledger.Purchase) error { panic("a secret of the application") }
	w.goods.reserve, w.goods.deliver = explode, explode
	w.wantAnswer(id, "enact", http.StatusOK, pending)
	w.wantState(id, ledger.Accepted)
	w.goods.reserve = nil
	w.wantAnswer(id, "enact", http.StatusOK, yes)
	w.wantAnswer(id, "consume", http.StatusOK, yes)
	require.Equal(t, "Deliver: panic", w.wantState(id, ledger.Settled).Cause)
	require.Contains(t, w.log.String(), "panicked")
	require.Contains(t, w.log.String(), "handler_test.go:", "the stack")
	w.goods.deliver = nil
	w.clock.Advance(time.Minute)
	w.reconcile()
	w.wantState(id, ledger.Delivered)
}

// brokenError is an error whose methods panic on the nil pointer.
type brokenError struct{ text string }

func (e *brokenError) Error() string { return e.text }

func TestFulfillerErrorPanicIsRetried(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.put("purchase", ledger.Accepted).ID
	broken := saying((*brokenError)(nil))
	w.goods.reserve, w.goods.deliver, w.goods.release = broken, broken, broken
	w.wantAnswer(id, "enact", http.StatusOK, pending)
	w.goods.reserve = nil
	w.wantAnswer(id, "enact", http.StatusOK, yes)
	w.wantAnswer(id, "consume", http.StatusOK, yes)
	w.makeDue(id)
	canceled := w.put("canceled", ledger.Canceled).ID
	w.makeDue(canceled)
	w.reconcile()
	require.Equal(t, "Deliver: panic", w.wantState(id, ledger.Settled).Cause)
	require.Equal(t, "Release: panic", w.wantState(canceled, ledger.Canceled).Cause)
	require.Contains(t, w.log.String(), "handler_test.go:", "the stack")
	w.goods.deliver = nil
	w.makeDue(id)
	w.reconcile()
	w.wantState(id, ledger.Delivered)
}

func TestDeclineReasonIsNotSentToGloebit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.goods.reserve = saying(errors.New("alice is banned \xff" + strings.Repeat("x", 1000)))
	p := w.bought(hat)
	w.settle()
	got := w.wantState(p.ID, ledger.Released)
	require.Contains(t, got.Cause, "alice is banned")
	require.Less(t, len(got.Cause), 400)
	tx, _ := w.gloebit.Transaction(w.app.Key, p.ID)
	require.Equal(t, gloebittest.StateCanceled, tx.State)
	require.NotContains(t, fmt.Sprint(tx.Steps), "banned", "Gloebit is given a plain reason")
	require.Equal(t, []string{"Reserve", "Release"}, w.goods.all())
	require.Equal(t, "1000", w.gloebit.Balance("alice"))
}

func TestConcurrentCallbacksDeliverOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other, err := ledger.New(w.config) // another replica, on the same store
	require.NoError(t, err)
	replicas := []http.Handler{w.ledger.Handler(), other.Handler()}
	id := w.put("purchase", ledger.Accepted).ID
	for _, step := range []string{"enact", "consume"} {
		var group sync.WaitGroup
		for i := range 40 {
			group.Go(func() {
				recorder := httptest.NewRecorder()
				replicas[i%2].ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, path(key, w.realm(), id, step), nil))
				if recorder.Code != http.StatusOK || recorder.Body.String() != yes {
					t.Errorf("%s was answered with %d %s", step, recorder.Code, recorder.Body)
				}
			})
		}
		group.Wait()
	}
	w.wantState(id, ledger.Delivered)
	require.Equal(t, []string{"Reserve", "Deliver"}, w.goods.all())
}

func TestCallbackContinuesAfterClientDisconnects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.put("purchase", ledger.Reserved).ID
	ctx, cancel := context.WithCancel(t.Context())
	w.goods.deliver = func(ctx context.Context, _ ledger.Purchase) error {
		cancel()
		return ctx.Err()
	}
	request := httptest.NewRequest(http.MethodGet, path(key, w.realm(), id, "consume"), nil).WithContext(ctx)
	w.ledger.Handler().ServeHTTP(httptest.NewRecorder(), request)
	w.wantState(id, ledger.Delivered)
}

func TestDeclineIsSavedAfterClientDisconnects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.put("purchase", ledger.Accepted).ID
	ctx, cancel := context.WithCancel(t.Context())
	w.goods.reserve = func(context.Context, ledger.Purchase) error {
		cancel()
		return errors.New("sold out")
	}
	recorder := httptest.NewRecorder()
	w.ledger.Handler().ServeHTTP(
		recorder, httptest.NewRequest(http.MethodGet, path(key, w.realm(), id, "enact"), nil).WithContext(ctx),
	)
	require.Equal(t, `[false,"canceled"]`, recorder.Body.String())
	w.wantState(id, ledger.Released)
}
