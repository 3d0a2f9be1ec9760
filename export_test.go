package gloebit

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-gloebit/gloebit/connect"
)

// RetryWithin makes the merchant's pauses between attempts short.
func (m *Merchant) RetryWithin(d time.Duration) { m.retryDelay = d }

// BoundSessions bounds the merchant's own sessions.
func (m *Merchant) BoundSessions(most int) { m.connector.Hooks().BoundSessions(most) }

// Sessions returns how many sessions of its own the merchant holds.
func (m *Merchant) Sessions() int { return m.connector.Hooks().CountSessions() }

// SessionsAtRest returns the keys and the data of the merchant's own sessions, as
// they are in memory.
func (m *Merchant) SessionsAtRest() string { return m.connector.Hooks().DumpSessions() }

// RefreshWithin bounds a refresh with its wait for others.
func (m *Merchant) RefreshWithin(d time.Duration) { m.connector.Hooks().RefreshWithin(d) }

// SessionLoads returns how often a session of the merchant's own was looked for.
// It is for one goroutine.
func (m *Merchant) SessionLoads() int64 {
	manager := m.connector.Hooks().Sessions
	counted, ok := manager.Store.(*countedSessions)
	if !ok {
		counted = &countedSessions{Store: manager.Store}
		manager.Store = counted
	}
	return counted.finds
}

type countedSessions struct {
	scs.Store
	finds int64
}

func (s *countedSessions) Find(token string) ([]byte, bool, error) {
	s.finds++
	return s.Store.Find(token)
}

// SignInAs returns the cookie of a session of the merchant's own whose user is
// the one with that id.
func (m *Merchant) SignInAs(userID string) *http.Cookie { return m.connector.Hooks().SignInAs(userID) }

// Refresh refreshes the client's token.
func Refresh(ctx context.Context, c *Client) error {
	_, err := c.account.Renew(ctx, time.Now().Add(time.Minute), c.account.Credential())
	return err
}

// Row is a row of the refusals, as tests see it.
type Row struct {
	Refusal
	Means   []error // what the words mean
	Words   []string
	Outcome Outcome
	Charged string // by the calls with the transaction's ID: "", "no" or "yes"
	Again   bool
}

// ConnectingRows returns the refusals of connecting.
func ConnectingRows() []Refusal {
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
