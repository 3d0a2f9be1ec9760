package main

import (
	"testing"

	"github.com/go-gloebit/gloebit/gloebittest"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/stretchr/testify/require"
)

// one returns the evidence of one correct order.
func one() evidence {
	return evidence{
		orders: []*order{{key: "k", user: "u", answered: true, ids: []string{"1"}}},
		purchases: []ledger.Purchase{{
			ID: "1", UserID: "u", Order: ledger.Order{IdempotencyKey: "k"}, State: ledger.Delivered,
		}},
		transactions: []gloebittest.Transaction{{ID: "1", State: gloebittest.StateSettled}},
		goods:        map[string]done{"1": {whatReserved: 1, whatDelivered: 1, whatReported: 1}},
	}
}

func TestCompare(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*evidence)
		want   string
		good   bool
	}{
		{
			"all is well", func(*evidence) {},
			"purchases 1 charged 1 delivered 1 lost 0 doubled 0 stuck 0 (canceled 0 refused 0 unpaid 0 wrong 0)", true,
		},
		{
			"the shop has canceled it", func(e *evidence) {
				e.purchases[0].State, e.transactions[0].State = ledger.Released, gloebittest.StateCanceled
				e.goods["1"] = done{whatReleased: 1}
			},
			"purchases 1 charged 0 delivered 0 lost 0 doubled 0 stuck 0 (canceled 1 refused 0 unpaid 0 wrong 0)", true,
		},
		{
			"the buyer could not pay", func(e *evidence) {
				e.purchases[0].State, e.transactions[0].State = ledger.Refused, gloebittest.StateFailed
				e.orders[0].refused, e.goods = true, nil
			},
			"purchases 1 charged 0 delivered 0 lost 0 doubled 0 stuck 0 (canceled 0 refused 1 unpaid 0 wrong 0)", true,
		},
		{
			"it was paid and not delivered", func(e *evidence) { delete(e.goods["1"], whatDelivered) },
			"purchases 1 charged 1 delivered 0 lost 1 doubled 0 stuck 0 (canceled 0 refused 0 unpaid 0 wrong 0)", false,
		},
		{
			"it was delivered twice", func(e *evidence) { e.goods["1"][whatDelivered] = 2 },
			"purchases 1 charged 1 delivered 1 lost 0 doubled 1 stuck 0 (canceled 0 refused 0 unpaid 0 wrong 0)", false,
		},
		{
			"it was reserved twice", func(e *evidence) { e.goods["1"][whatReserved] = 2 },
			"purchases 1 charged 1 delivered 1 lost 0 doubled 1 stuck 0 (canceled 0 refused 0 unpaid 0 wrong 0)", false,
		},
		{
			"the order is two purchases, both paid and delivered", func(e *evidence) {
				second := e.purchases[0]
				second.ID = "2"
				e.purchases = append(e.purchases, second)
				e.transactions = append(e.transactions, gloebittest.Transaction{ID: "2", State: gloebittest.StateSettled})
				e.goods["2"] = e.goods["1"]
			},
			"purchases 1 charged 2 delivered 2 lost 0 doubled 2 stuck 0 (canceled 0 refused 0 unpaid 0 wrong 0)", false,
		},
		{
			"it is paid and its row is gone", func(e *evidence) { e.purchases, e.goods = nil, nil },
			"purchases 1 charged 1 delivered 0 lost 1 doubled 0 stuck 0 (canceled 0 refused 0 unpaid 0 wrong 0)", false,
		},
		{
			"the buyer got a response and nothing is stored",
			func(e *evidence) { e.purchases, e.goods, e.transactions = nil, nil, nil },
			"purchases 1 charged 0 delivered 0 lost 1 doubled 0 stuck 0 (canceled 1 refused 0 unpaid 0 wrong 0)", false,
		},
		{
			"it waits for its delivery", func(e *evidence) {
				e.purchases[0].State = ledger.Settled
				delete(e.goods["1"], whatDelivered)
			},
			"purchases 1 charged 1 delivered 0 lost 1 doubled 0 stuck 1 (canceled 0 refused 0 unpaid 0 wrong 0)", false,
		},
		{
			"Gloebit still asks", func(e *evidence) {
				e.purchases[0].State, e.transactions[0].State = ledger.Accepted, gloebittest.StateQueued
				e.goods = nil
			},
			"purchases 1 charged 0 delivered 0 lost 0 doubled 0 stuck 1 (canceled 0 refused 0 unpaid 0 wrong 0)", false,
		},
		{
			"the order was never answered", func(e *evidence) { *e = evidence{orders: []*order{{key: "k"}}} },
			"purchases 1 charged 0 delivered 0 lost 0 doubled 0 stuck 1 (canceled 0 refused 0 unpaid 0 wrong 0)", false,
		},
		{
			"it was delivered and not paid", func(e *evidence) { e.transactions[0].State = gloebittest.StateCanceled },
			"purchases 1 charged 0 delivered 1 lost 0 doubled 0 stuck 0 (canceled 0 refused 0 unpaid 1 wrong 0)", false,
		},
		{
			"the buyer got a refusal and has paid", func(e *evidence) { e.orders[0].refused = true },
			"purchases 1 charged 1 delivered 1 lost 0 doubled 0 stuck 0 (canceled 0 refused 0 unpaid 0 wrong 1)", false,
		},
		{
			"it was canceled and what was reserved was never released", func(e *evidence) {
				e.purchases[0].State, e.transactions[0].State = ledger.Released, gloebittest.StateCanceled
				e.goods["1"] = done{whatReserved: 1}
			},
			"purchases 1 charged 0 delivered 0 lost 0 doubled 0 stuck 0 (canceled 1 refused 0 unpaid 0 wrong 1)", false,
		},
		{
			"Gloebit has charged for what was not ordered", func(e *evidence) {
				e.transactions = append(e.transactions, gloebittest.Transaction{ID: "3", State: gloebittest.StateSettled})
			},
			"purchases 1 charged 2 delivered 1 lost 1 doubled 0 stuck 0 (canceled 0 refused 0 unpaid 0 wrong 1)", false,
		},
		{
			"the buyer got a purchase whose refusal freed the key, and then the next one", func(e *evidence) {
				e.orders[0].ids = []string{"1", "2"}
				e.purchases = append(e.purchases, ledger.Purchase{
					ID: "2", UserID: "u", Order: ledger.Order{IdempotencyKey: "k"}, State: ledger.Refused,
				})
			},
			"purchases 1 charged 1 delivered 1 lost 0 doubled 0 stuck 0 (canceled 0 refused 0 unpaid 0 wrong 0)", true,
		},
		{
			"the buyer got two purchases for one order", func(e *evidence) {
				e.orders[0].ids = []string{"1", "2"}
				e.purchases = append(e.purchases, ledger.Purchase{
					ID: "2", UserID: "u", Order: ledger.Order{IdempotencyKey: "k"}, State: ledger.Released,
				})
				e.goods["2"] = done{whatReleased: 1}
			},
			"purchases 1 charged 1 delivered 1 lost 0 doubled 0 stuck 0 (canceled 0 refused 0 unpaid 0 wrong 1)", false,
		},
		{
			"a product was paid and handed out", func(e *evidence) { e.transactions[0].Product, e.badges = product, 1 },
			"purchases 1 charged 1 delivered 1 lost 0 doubled 0 stuck 0 (canceled 0 refused 0 unpaid 0 wrong 0)", true,
		},
		{
			"a product was paid and Gloebit has handed out none", func(e *evidence) { e.transactions[0].Product = product },
			"purchases 1 charged 1 delivered 1 lost 1 doubled 0 stuck 0 (canceled 0 refused 0 unpaid 0 wrong 0)", false,
		},
		{
			"a product was handed out twice", func(e *evidence) { e.transactions[0].Product, e.badges = product, 2 },
			"purchases 1 charged 1 delivered 1 lost 0 doubled 1 stuck 0 (canceled 0 refused 0 unpaid 0 wrong 0)", false,
		},
		{
			"another account has paid than the one that ordered", func(e *evidence) { e.transactions[0].User = "another" },
			"purchases 1 charged 1 delivered 1 lost 0 doubled 0 stuck 0 (canceled 0 refused 0 unpaid 0 wrong 1)", false,
		},
		{
			"a request was answered as none should be", func(e *evidence) { e.wrong = []string{"no"} },
			"purchases 1 charged 1 delivered 1 lost 0 doubled 0 stuck 0 (canceled 0 refused 0 unpaid 0 wrong 1)", false,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := one()
			c.change(&e)
			v := compare(e)
			require.Equal(t, c.want, v.String())
			require.Equal(t, c.good, !v.bad())
			require.Equal(t, c.good, len(v.problems) == 0, "problems are reported")
		})
	}
}

func TestParseFaults(t *testing.T) {
	for _, c := range []struct {
		list, want string
		fails      bool
	}{
		{list: "all", want: "all"},
		{list: "none", want: "none"},
		{list: "shop, gloebit", want: "gloebit,shop"},
		{list: "callbacks,cancel", want: "callbacks,cancel"},
		{list: "callbacks,everything", fails: true},
	} {
		t.Run(c.list, func(t *testing.T) {
			f, err := parseFaults(c.list)
			if c.fails {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, f.String())
		})
	}
}
