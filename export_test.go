package gloebit

import (
	"context"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/connect"
)

// RetryWithin makes the merchant's pauses between attempts short.
func (m *Merchant) RetryWithin(d time.Duration) { m.retryDelay = d }

// Refresh refreshes the client's token.
func Refresh(ctx context.Context, c *Client) error {
	_, err := c.account.Renew(ctx, time.Now().Add(time.Minute), c.account.Credential())
	return err
}

// Row is a row of the refusals, as tests see it.
type Row struct {
	connect.Refusal
	Means   []error // what the words mean
	Words   []string
	Outcome Outcome
	Charged string // by the calls with the transaction's ID: "", "no" or "yes"
	Again   bool
}

// ConnectingRows returns the refusals of connecting.
func ConnectingRows() []connect.Refusal {
	rows := connect.Refusals()
	for i := range rows {
		rows[i].Text = strings.ReplaceAll(rows[i].Text, "{server}", "Gloebit")
	}
	return rows
}

// CallRows returns the refusals of calls.
func CallRows() []Row {
	rows := []Row{{Refusal: unknownOutcome}}
	for _, row := range calls {
		means := row.connecting
		if row.Err != nil {
			means = append(means, row.Err)
		}
		charged := map[charge]string{chargeNone: "no", chargeMade: "yes"}[row.charged]
		rows = append(rows, Row{row.Refusal, means, row.words, row.outcome, charged, row.again})
	}
	return rows
}
