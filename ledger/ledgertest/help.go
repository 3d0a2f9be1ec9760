package ledgertest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/suite"
	"github.com/go-gloebit/gloebit/ledger"
	"golang.org/x/sync/errgroup"
)

type changeFunc = func(context.Context, ledger.Purchase) (ledger.Purchase, error)

// opened is the creation time of the first purchase of every case.
var opened = time.Date(2026, 2, 3, 4, 5, 6, 789012000, time.UTC)

// after returns the time that many seconds later.
func after(seconds int) time.Time { return opened.Add(time.Duration(seconds) * time.Second) }

// Times that no purchase has, outside the years 1 to 9999.
var (
	ancient = time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC)
	never   = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
)

// purchaseID returns an ID that sorts like its number.
func purchaseID(i int) string { return fmt.Sprintf("00000000-0000-7000-8000-%012d", i) }

// realm is the realm of all purchases except those in [twoRealms].
const realm = "www.example.com/shop"

// key returns the key of a purchase in the store.
func key(i int) connect.Key { return connect.Key{Realm: realm, ID: purchaseID(i)} }

// smallPurchase returns a purchase with the required fields only.
func smallPurchase(i int) ledger.Purchase {
	return ledger.Purchase{
		Realm: realm, ID: purchaseID(i), UserID: "u", Order: ledger.Order{Item: "hat", Quantity: 1},
		State: ledger.Created, CreatedAt: after(i), UpdatedAt: after(i),
	}
}

// fullPurchase returns a purchase with every field set.
func fullPurchase(i int) ledger.Purchase {
	p := smallPurchase(i)
	p.UserID, p.GloebitID = "user \u00e9 'quoted' ", "g-\u00e9 'quoted'"
	p.Order = ledger.Order{
		IdempotencyKey: "key \u00e9\t'quoted' ", Item: "hat \u00e9 'quoted' ", Product: "caf\u00e9 \"\\ \U0001F600",
		CharacterID: "c-1",
		Price:       1<<53 - 1, Quantity: 1<<31 - 1, Username: "Al\u00efce <b>",
		Data: json.RawMessage(`{"b":[1.50,"\u003c\u0000"],"a":null,"n":123456789012345678}`),
	}
	p.State, p.Outcome, p.Cause, p.Attempts = ledger.Accepted, gloebit.OutcomeQueued, "why: 'quoted' \u00e9", 7
	p.NextAt, p.StuckAt, p.UpdatedAt, p.ConnectedAt, p.FailingSince, p.PaidAt = after(i+1), after(i+2), after(i+
		3), after(i+4), after(i+5), after(i+6)
	p.Changes, p.Reported, p.ReportAt = 5, 3, after(i+7)
	p.TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	p.History = []ledger.Change{
		{To: ledger.Created, At: after(i), Cause: "ordered"},
		{From: ledger.Created, To: ledger.Accepted, At: after(i + 3), Cause: "transact: \u00e9", By: "Zo\u00eb"},
	}
	return p
}

func create(t *testing.T, store ledger.Store, p ledger.Purchase) ledger.Purchase {
	t.Helper()
	kept, _ := createOr(t, store, p)
	return kept
}

// createOr also returns whether the purchase was created.
func createOr(t *testing.T, store ledger.Store, p ledger.Purchase) (kept ledger.Purchase, created bool) {
	t.Helper()
	kept, created, err := store.Create(suite.InTime(t), p)
	if err != nil {
		t.Fatalf("Create of %s: %v", p.ID, err)
	}
	return kept, created
}

// createMany creates purchases 1 to n, each changed by edit, eight at a time.
func createMany(t *testing.T, store ledger.Store, n int, edit func(i int, p *ledger.Purchase)) {
	t.Helper()
	var group errgroup.Group
	group.SetLimit(8)
	for i := 1; i <= n; i++ {
		p := smallPurchase(i)
		if edit != nil {
			edit(i, &p)
		}
		group.Go(func() error {
			_, _, err := store.Create(suite.InTime(t), p)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatalf("Create: %v", err)
	}
}

func get(t *testing.T, store ledger.Store, id string) ledger.Purchase {
	t.Helper()
	p, err := store.Get(suite.InTime(t), connect.Key{Realm: realm, ID: id})
	if err != nil {
		t.Fatalf("Get of %s: %v", id, err)
	}
	return p
}

func change(t *testing.T, store ledger.Store, id string, edit func(p *ledger.Purchase)) ledger.Purchase {
	t.Helper()
	p, err := store.Change(suite.InTime(t), connect.Key{Realm: realm, ID: id}, editing(edit))
	if err != nil {
		t.Fatalf("Change of %s: %v", id, err)
	}
	return p
}

// editing returns an fn that saves a purchase with an edit.
func editing(edit func(p *ledger.Purchase)) changeFunc {
	return func(_ context.Context, p ledger.Purchase) (ledger.Purchase, error) {
		edit(&p)
		return p, nil
	}
}

func claim(t *testing.T, store ledger.Store, now, until time.Time) string {
	t.Helper()
	p, err := store.Claim(suite.InTime(t), realm, ledger.Created, now, until)
	if err != nil {
		t.Fatalf("Claim: %v", err)
	}
	if !samePurchaseTime(p.NextAt, until) {
		t.Errorf("Claim returned a purchase with the NextAt %v, want %v", p.NextAt, until)
	}
	return p.ID
}

func wantNoClaim(t *testing.T, store ledger.Store, now time.Time) {
	t.Helper()
	p, err := store.Claim(suite.InTime(t), realm, ledger.Created, now, now.Add(time.Hour))
	if !errors.Is(err, gloebit.ErrNotFound) {
		t.Fatalf("Claim returned %q and the error %v, want ErrNotFound", p.ID, err)
	}
	if !reflect.ValueOf(p).IsZero() {
		t.Error("Claim returned a purchase along with ErrNotFound")
	}
}

func wantClaim(t *testing.T, store ledger.Store, now, until time.Time, i int) {
	t.Helper()
	if got := claim(t, store, now, until); got != purchaseID(i) {
		t.Fatalf("Claim returned %s, want %s", got, purchaseID(i))
	}
}

func list(t *testing.T, store ledger.Store, q ledger.Query) []ledger.Purchase {
	t.Helper()
	purchases, err := store.List(suite.InTime(t), q)
	if err != nil {
		t.Fatalf("List: %v", err)
	}
	return purchases
}

func wantListed(t *testing.T, store ledger.Store, q ledger.Query, want ...int) {
	t.Helper()
	got, ids := []string{}, []string{}
	for _, p := range list(t, store, q) {
		got = append(got, p.ID)
	}
	for _, i := range want {
		ids = append(ids, purchaseID(i))
	}
	if !slices.Equal(got, ids) {
		t.Errorf("List of %+v returned %v, want %v", q, got, ids)
	}
}

// wantPurchase compares two purchases field by field, including fields that are
// added later.
func wantPurchase(t *testing.T, got, want ledger.Purchase) {
	t.Helper()
	wantFields(t, "", reflect.ValueOf(got), reflect.ValueOf(want))
}

func wantFields(t *testing.T, path string, got, want reflect.Value) {
	t.Helper()
	switch wanted := want.Interface().(type) {
	case time.Time:
		if got := got.Interface().(time.Time); !samePurchaseTime(got, wanted) {
			t.Errorf("%s came back as %v, want %v", path, got, wanted)
		}
		return
	case json.RawMessage:
		if got := got.Interface().(json.RawMessage); string(got) != string(wanted) {
			t.Errorf("%s came back as %s, want %s", path, suite.Clip(string(got)), suite.Clip(string(wanted)))
		}
		return
	}
	switch want.Kind() {
	case reflect.Struct:
		for i := range want.NumField() {
			wantFields(t, path+"."+want.Type().Field(i).Name, got.Field(i), want.Field(i))
		}
	case reflect.Slice:
		if got.Len() != want.Len() {
			t.Errorf("%s came back with %d entries, want %d", path, got.Len(), want.Len())
			return
		}
		for i := range want.Len() {
			wantFields(t, fmt.Sprintf("%s[%d]", path, i), got.Index(i), want.Index(i))
		}
	default:
		if !got.Equal(want) {
			t.Errorf(
				"%s came back as %s, want %s", path, suite.Clip(fmt.Sprintf("%q", got)), suite.Clip(fmt.Sprintf("%q", want)),
			)
		}
	}
}

// wantFullPurchase fails unless every field is set, so that a comparison covers
// all of them.
func wantFullPurchase(t *testing.T, p ledger.Purchase) {
	t.Helper()
	for _, v := range []reflect.Value{reflect.ValueOf(p), reflect.ValueOf(p.Order), reflect.ValueOf(p.History[1])} {
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Fatalf("the suite forgets the field %s", v.Type().Field(i).Name)
			}
		}
	}
}

// samePurchaseTime reports whether two times are equal, and got is in UTC with
// no monotonic clock reading. Zero times must stay zero.
func samePurchaseTime(got, want time.Time) bool {
	return got == got.UTC().Round(0) && got.Equal(want) && got.IsZero() == want.IsZero()
}

// changing runs a Change in a goroutine and returns once its fn runs. The fn
// edits the purchase and returns when release is called. finished receives the
// error of Change.
func changing(
	t *testing.T, store ledger.Store, id string, edit func(p *ledger.Purchase),
) (release func(), finished <-chan error) {
	t.Helper()
	held, free, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	ctx := suite.InTime(t)
	go func() {
		_, err := store.Change(ctx, connect.Key{Realm: realm, ID: id}, func(
			_ context.Context, p ledger.Purchase,
		) (ledger.Purchase, error) {
			close(held)
			<-free
			edit(&p)
			return p, nil
		})
		done <- err
	}()
	select {
	case <-held:
	case err := <-done:
		t.Fatalf("Change of %s returned the error %v without calling fn", id, err)
	case <-ctx.Done():
		t.Fatalf("Change of %s did not call fn in %v", id, suite.Patience)
	}
	return func() { close(free) }, done
}
