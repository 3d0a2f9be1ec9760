package drivertest_test

import (
	"bufio"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlledger"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

const shopVariable = "GLOEBIT_TEST_SHOP"

// sideBySide is how many tests run at once unless -parallel says otherwise. Most
// wait for locks and leases. PostgreSQL has 100 connections by default, of which
// twelve tests were seen to use 50.
const sideBySide = "12"

// TestMain runs this program as a shop if a test has started it as one.
func TestMain(m *testing.M) {
	if plan := os.Getenv(shopVariable); plan != "" {
		runShop(plan)
		return
	}
	if err := flag.Set("test.parallel", sideBySide); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(tests{m})
}

// tests are all of them, and the end of what they share.
type tests struct{ *testing.M }

// Run implements [goleak.TestingM].
func (t tests) Run() int {
	code := t.M.Run()
	if err := idle.close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

// shopPlan is what a shop in a process of its own is given.
type shopPlan struct {
	Dialect, Database string
	Clock             time.Time // zero is the real time
	Deliver           bool      // whether it picks up what is due
	Halt              int       // at which delivery it blocks, once it is written; zero is never
	HaltReport        int       // at which report it blocks, once it is written; zero reports nothing
}

// runShop serves callbacks, prints its address, delivers if its plan says so,
// and ends with its standard input.
func runShop(text string) {
	var plan shopPlan
	if err := json.Unmarshal([]byte(text), &plan); err != nil {
		panic(err)
	}
	d := databaseAt(plan.Dialect, plan.Database)
	db := d.open(d.addr)
	db.SetMaxOpenConns(poolSize)
	goods := &warehouse{halt: plan.Halt}
	config := newConfig(newStore(db, d.dialect), goods, plan.Clock)
	if plan.HaltReport > 0 {
		config.OnChange = reporter(db, plan.HaltReport)
	}
	purchases := must(ledger.New(config))
	listener := must(net.Listen("tcp", "127.0.0.1:0"))
	go func() { _ = http.Serve(listener, purchases.Handler()) }()
	fmt.Println("http://" + listener.Addr().String())
	if plan.Deliver {
		goods.unreliable = true
		_ = purchases.Reconcile(context.Background())
		fmt.Println("done")
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

var signingKey = connect.Secret("a key for callbacks, of 32 bytes or so")

// newLedger is a ledger that only gets callbacks, so that it needs no Gloebit.
func newLedger(store ledger.Store, goods ledger.Fulfiller, clock time.Time) *ledger.Ledger {
	return must(ledger.New(newConfig(store, goods, clock)))
}

func newConfig(store ledger.Store, goods ledger.Fulfiller, clock time.Time) ledger.Config {
	config := ledger.Config{
		Merchant: must(gloebit.New(gloebit.Config{
			// see realm
			ClientID: "shop", ClientSecret: "secret", RedirectURL: "http://127.0.0.1/gloebit/callback",
			Provider: gloebit.ProviderAt("https://www.gloebit.com/"),
		})),
		Store: store, Fulfiller: goods, CallbackURL: "http://127.0.0.1/hold", Keys: []connect.Secret{signingKey},
		StuckAfter: 1000 * time.Hour,
	}
	if !clock.IsZero() {
		config.Clock = func() time.Time { return clock }
	}
	return config
}

// callback is the path of a callback, as the ledger signs it.
func callback(id, step string) string {
	mac := hmac.New(sha256.New, []byte(signingKey.Reveal()))
	mac.Write([]byte("gloebit ledger hold URL\n" + realm + "\n" + id + "\n" + step))
	return "/" + id + "/" + step + "/" + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// warehouse is a Fulfiller that records its work in the table goods, in the
// transaction of the purchase.
type warehouse struct {
	unreliable bool // whether it fails and panics after some of what it has written
	halt       int
	delivered  atomic.Int64
}

var errUnreliable = errors.New("it did not work after all")

func (w *warehouse) Reserve(ctx context.Context, p ledger.Purchase) error {
	return note(ctx, p.ID, "reserved")
}

func (w *warehouse) Release(ctx context.Context, p ledger.Purchase) error {
	return note(ctx, p.ID, "released")
}

func (w *warehouse) Deliver(ctx context.Context, p ledger.Purchase) error {
	if err := note(ctx, p.ID, "delivered"); err != nil {
		return err
	}
	n := int(w.delivered.Add(1))
	if n == w.halt {
		fmt.Println("halted")
		select {} // until the process is killed
	}
	switch {
	case w.unreliable && n%5 == 2:
		return errUnreliable
	case w.unreliable && n%5 == 4:
		panic(errUnreliable)
	}
	return nil
}

// note writes a line in the transaction of the context.
func note(ctx context.Context, id, what string) error {
	tx, ok := sqlledger.Tx(ctx)
	if !ok {
		return errors.New("the context has no transaction")
	}
	_, err := tx.ExecContext(ctx, insertNote(id, what))
	return err
}

// insertNote is the statement as text, because placeholders differ between
// databases.
func insertNote(id, what string) string {
	return fmt.Sprintf("INSERT INTO goods (purchase, what) VALUES ('%s', '%s')", id, what)
}

// noted counts what was written for each purchase.
func noted(t *testing.T, d database, what string) map[string]int {
	t.Helper()
	rows, err := d.look(t).QueryContext(t.Context(), "SELECT purchase FROM goods WHERE what = '"+what+"'")
	require.NoError(t, err)
	defer rows.Close()
	counts := map[string]int{}
	for rows.Next() {
		var id string
		require.NoError(t, rows.Scan(&id))
		counts[id]++
	}
	require.NoError(t, rows.Err())
	return counts
}

// shop is another process.
type shop struct {
	url   string
	lines *bufio.Scanner
	cmd   *exec.Cmd
	ended bool
}

func startShop(t *testing.T, d database, plan shopPlan) *shop {
	t.Helper()
	plan.Dialect, plan.Database = d.dialect.String(), d.name
	text, err := json.Marshal(plan)
	require.NoError(t, err)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), shopVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	s := &shop{lines: bufio.NewScanner(stdout), cmd: cmd}
	t.Cleanup(func() {
		_ = stdin.Close()
		s.kill()
	})
	require.True(t, s.lines.Scan(), "the shop tells its address")
	s.url = s.lines.Text()
	return s
}

// kill ends the process like a power failure.
func (s *shop) kill() {
	if !s.ended {
		s.ended = true
		_ = s.cmd.Process.Kill()
		_ = s.cmd.Wait()
	}
}
