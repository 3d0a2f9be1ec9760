package bench

import (
	"context"
	"time"

	"github.com/go-gloebit/gloebit/connect"
)

// Row is one line of the report.
type Row struct {
	Name    string
	Bar     Bar
	Measure func(ctx context.Context, lasts time.Duration) (Result, error)
}

// Rows returns all lines of the report.
func Rows() []Row {
	var rows []Row
	for _, c := range Comparisons() {
		rows = append(rows, Row{Name: c.Name, Bar: c.Bar, Measure: c.Measure})
	}
	const users = 1_000_000
	return append(rows, Row{
		Name: "memory per user, MemoryTokenStore of 1,000,000",
		Bar:  Bar{Bytes: 400},
		Measure: func(context.Context, time.Duration) (r Result, err error) {
			r.Bytes, err = MemoryPerUser(users)
			return r, err
		},
	})
}

// Comparisons returns the lines of the report that have two sides.
func Comparisons() []Comparison {
	return []Comparison{
		{Name: "RequireGloebit, Config.User against middleware", Bar: Bar{Ratio: 2, Allocs: 5}, Open: require},
		{Name: "request, own sessions against scs by hand", Bar: Bar{Ratio: 0.15, Allocs: 20}, Open: sessionPair(byHand)},
		{Name: "request, own sessions against gorilla", Bar: Bar{Ratio: 0.15}, Open: sessionPair(gorilla)},
		{Name: "request, own sessions against gothic", Bar: Bar{Ratio: 0.15}, Open: sessionPair(goth)},
		{Name: "request, own sessions against jwtauth", Bar: Bar{Ratio: 0.15}, Open: sessionPair(jwt)},
		{Name: "scs with SessionCodec against scs with gob", Bar: Bar{Ratio: 0.35}, Open: codecPair(connect.SessionCodec{})},
		{Name: "API call against the standard library", Bar: Bar{Ratio: 1.05, MoreAllocs: 5}, Open: apiCall},
		{Name: "page with an API call, otel against no Trace", Bar: Bar{Ratio: 1.15}, Open: telemetryPair},
		{Name: "callback, Config.User against oauth2 Exchange", Bar: Bar{Ratio: 1.5}, Open: callbackPair(currentUser)},
		{Name: "callback, own sessions against oauth2 Exchange", Bar: Bar{Ratio: 1.5}, Open: callbackPair(nil)},
		{Name: "state against cap", Bar: Bar{Ratio: 2}, Open: statePair},
		{Name: "1,000 waiters on a refresh against one", Bar: Bar{Ratio: 1.5}, Open: refreshPair},
		{Name: "token load, PostgreSQL against bare SELECT", Bar: Bar{Ratio: 1.15}, Waits: true, Open: tokenPair},
		{Name: "purchase, PostgreSQL against bare statements", Bar: Bar{Ratio: 1.25}, Waits: true, Open: purchasePair},
	}
}
