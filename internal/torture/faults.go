package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/go-gloebit/gloebit/gloebittest"
)

// faults selects the kinds of faults of a run.
type faults struct {
	Gloebit   bool // requests of the shop to Gloebit fail or are slow
	Callbacks bool // callbacks to the shop are lost, delayed and repeated
	Cancel    bool // Gloebit rolls purchases back
	Shop      bool // the shop's Fulfiller fails
	Store     bool // the shop's store fails
	Users     bool // users disconnect, and connect with another account
	Clocks    bool // the clocks of the replicas differ
}

var faultNames = []string{"gloebit", "callbacks", "cancel", "shop", "store", "users", "clocks"}

func (f *faults) named() map[string]*bool {
	return map[string]*bool{
		"gloebit": &f.Gloebit, "callbacks": &f.Callbacks, "cancel": &f.Cancel, "shop": &f.Shop, "store": &f.Store,
		"users": &f.Users, "clocks": &f.Clocks,
	}
}

func parseFaults(list string) (f faults, err error) {
	switch list {
	case "all":
		return faults{true, true, true, true, true, true, true}, nil
	case "none", "":
		return faults{}, nil
	}
	for name := range strings.SplitSeq(list, ",") {
		field, ok := f.named()[strings.TrimSpace(name)]
		if !ok {
			return f, fmt.Errorf("no faults are called %q", name)
		}
		*field = true
	}
	return f, nil
}

func (f faults) String() string {
	var names []string
	for _, name := range faultNames {
		if *f.named()[name] {
			names = append(names, name)
		}
	}
	switch len(names) {
	case 0:
		return "none"
	case len(faultNames):
		return "all"
	}
	return strings.Join(names, ",")
}

// notSoon keeps the client from retrying, so that the ledger must retry.
var notSoon = http.Header{"Retry-After": {"3600"}}

// wireFaults are the faults of transact requests. Each is applied to permille
// of 1,000 requests.
var wireFaults = []struct {
	permille int
	fault    gloebittest.Fault
}{
	{20, gloebittest.Fault{Drop: true}},
	{20, gloebittest.Fault{Drop: true, After: true}},
	{15, gloebittest.Fault{Status: http.StatusInternalServerError}},
	{15, gloebittest.Fault{
		Status: http.StatusBadGateway, After: true, Body: "<html>Bad Gateway", ContentType: "text/html",
	}},
	{20, gloebittest.Fault{Status: http.StatusServiceUnavailable, Header: notSoon}},
	{20, gloebittest.Fault{Status: http.StatusServiceUnavailable, Header: notSoon, After: true}},
	{10, gloebittest.Fault{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"1"}}}},
	{10, gloebittest.Fault{Status: http.StatusTooManyRequests, Header: notSoon}},
	{20, gloebittest.Fault{TruncateAt: 17}},
	{20, gloebittest.Fault{TruncateAt: 17, Drop: true}},
	{20, gloebittest.Fault{Latency: 100 * time.Millisecond}},
	{5, gloebittest.Fault{Latency: time.Second}},
	{2, gloebittest.Fault{Latency: 2 * tryFor}},
}

// inject makes Gloebit fail at random until its faults are cleared. It counts
// the faults in met.
func inject(server *gloebittest.Server, random *rand.Rand, met *atomic.Int64) {
	left := 1000
	for _, w := range wireFaults {
		fault, share := w.fault, w.permille
		of := left // requests in 1,000 without an earlier fault
		fault.Path = "transact"
		fault.Match = func(gloebittest.Request) bool { // never called concurrently
			hit := random.IntN(of) < share
			if hit {
				met.Add(1)
			}
			return hit
		}
		server.Inject(fault)
		left -= share
	}
}
