package storefront

import (
	"context"

	"github.com/go-gloebit/gloebit/ledger"

	"github.com/go-gloebit/gloebit/examples/internal/views"
)

// BackOffice is the merchant's page: totals over all purchases, those that are
// stuck and those that are under way. A real shop has it behind a door.
func (s *Storefront) BackOffice(ctx context.Context) (Reply, error) {
	page := views.BackOffice{Frame: s.frame(ctx, "The back office", PathBackOffice)}
	totals, err := s.totals(ctx)
	if err != nil {
		return Reply{}, err
	}
	page.Totals = totals
	stuck, err := s.config.Purchases.List(ctx, ledger.Query{Stuck: true})
	if err != nil {
		return Reply{}, err
	}
	for _, p := range stuck {
		page.Stuck = append(page.Stuck, s.job(p))
	}
	moving, err := s.config.Purchases.List(ctx, ledger.Query{
		States: []ledger.State{ledger.Created, ledger.Accepted, ledger.Reserved, ledger.Settled, ledger.Canceled},
	})
	if err != nil {
		return Reply{}, err
	}
	for _, p := range moving {
		if underWay(p) {
			page.Moving, page.Refresh = append(page.Moving, s.job(p)), refresh
		}
	}
	return show(page), nil
}

// job is a purchase as the merchant sees it.
func (s *Storefront) job(p ledger.Purchase) views.Job {
	return views.Job{
		Title: s.title(article(p)), Quantity: p.Quantity, Total: p.Total(), At: p.CreatedAt,
		Visitor: p.Username, State: string(p.State), Cause: p.Cause, TransactionID: p.ID,
	}
}

// totals counts all purchases, a page of the ledger at a time.
func (s *Storefront) totals(ctx context.Context) ([]views.Total, error) {
	const paid, refused, off, moving, stuck = 0, 1, 2, 3, 4
	totals := []views.Total{
		paid:    {Words: "Paid", Tone: views.Good},
		refused: {Words: "Refused"},
		off:     {Words: "Canceled"},
		moving:  {Words: "Under way", Tone: views.Warn},
		stuck:   {Words: "Stuck", Tone: views.Bad},
	}
	query := ledger.Query{Limit: 1000}
	for {
		list, err := s.config.Purchases.List(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, p := range list {
			kind := moving
			switch {
			case p.Stuck():
				kind = stuck
			case p.Paid():
				kind = paid
			case p.State == ledger.Refused:
				kind = refused
			case p.State == ledger.Canceled || p.State == ledger.Released:
				kind = off
			}
			totals[kind].Purchases++
			totals[kind].Gloebits += p.Total()
		}
		if len(list) < query.PageSize() {
			return totals, nil
		}
		query.After = list[len(list)-1].Cursor()
	}
}
