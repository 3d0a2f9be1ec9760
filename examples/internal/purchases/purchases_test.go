package purchases_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit/examples/internal/purchases"
)

func order() purchases.Order {
	return purchases.Order{Key: uuid.MustParse("ec8d8f47-2648-4378-8734-bba45852a60f"), UserID: "u", Article: "green-hat", Quantity: 1, Price: 40}
}

func TestTheTransactionIsTheSameForTheSameOrderAndAnotherForAnyOther(t *testing.T) {
	first := order().TransactionID()
	require.Equal(t, first, order().TransactionID())
	require.NoError(t, uuid.Validate(first))
	for name, change := range map[string]func(*purchases.Order){
		"another key":      func(o *purchases.Order) { o.Key = uuid.New() },
		"another user":     func(o *purchases.Order) { o.UserID = "v" },
		"another article":  func(o *purchases.Order) { o.Article = "red-scarf" },
		"another quantity": func(o *purchases.Order) { o.Quantity = 2 },
		"another price":    func(o *purchases.Order) { o.Price = 41 },
		"moved boundaries": func(o *purchases.Order) { o.UserID, o.Article = `u" "green`, "-hat" },
	} {
		t.Run(name, func(t *testing.T) {
			other := order()
			change(&other)
			require.NotEqual(t, first, other.TransactionID())
		})
	}
}

func TestAnOutcomeMovesOnlyForward(t *testing.T) {
	var book purchases.Book
	p := purchases.Purchase{Order: order(), Title: "Green hat", At: time.Unix(1, 0)}
	for _, step := range []struct {
		name          string
		write, expect purchases.Outcome
		before        bool
	}{
		{"first no answer", purchases.Unanswered, purchases.Unanswered, false},
		{"then not enough gloebits", purchases.Refused, purchases.Refused, false},
		{"then paid", purchases.Paid, purchases.Paid, false},
		{"paid again", purchases.Paid, purchases.Paid, true},
		{"a late loser of the race", purchases.Unanswered, purchases.Paid, true},
	} {
		p.Outcome = step.write
		require.Equal(t, step.before, book.Record(p), step.name)
		require.Len(t, book.List("u"), 1, step.name)
		require.Equal(t, step.expect, book.List("u")[0].Outcome, step.name)
	}
}

func TestAListIsTheVisitorsOwnAndNewestFirst(t *testing.T) {
	var book purchases.Book
	for _, article := range []string{"a", "b"} {
		o := order()
		o.Article = article
		book.Record(purchases.Purchase{Order: o})
	}
	list := book.List("u")
	require.Len(t, list, 2)
	require.Equal(t, "b", list[0].Article)
	require.Empty(t, book.List("v"))
}

func TestAKeyIsFirstOnceADay(t *testing.T) {
	var once purchases.Once
	key, now := uuid.New(), time.Unix(1_700_000_000, 0)
	require.True(t, once.First(key, now))
	require.False(t, once.First(key, now.Add(23*time.Hour)))
	require.True(t, once.First(uuid.New(), now))
	require.True(t, once.First(key, now.Add(25*time.Hour)), "forgotten, so that memory does not grow for ever")
}
