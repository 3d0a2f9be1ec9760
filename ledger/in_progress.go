package ledger

import (
	"maps"
	"slices"
	"sync"
	"time"
)

// inProgress counts the goroutines that work on each purchase.
type inProgress struct {
	mu  sync.Mutex
	ids map[string]int
}

func (h *inProgress) add(id string, n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ids == nil {
		h.ids = map[string]int{}
	}
	if h.ids[id] += n; h.ids[id] == 0 {
		delete(h.ids, id)
	}
}

func (h *inProgress) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.ids))
}

// reportsInProgress are the reports that this process is making to
// Config.OnChange, one for each purchase.
type reportsInProgress struct {
	mu  sync.Mutex
	ids map[string]*reportInProgress
}

// reportInProgress is a report, from the first call of Config.OnChange until its
// result is saved.
type reportInProgress struct {
	until  time.Time // when the claim of the purchase ends
	saving bool      // the calls have returned
}

// begin adds the report of a purchase that was claimed until the given time. If
// the calls of another report still run, or its save has outlasted its claim,
// begin returns that report as hanging and adds none. If the calls have
// returned and the claim has not ended, a new claim means that the save has
// succeeded, and the new report replaces the other one.
func (r *reportsInProgress) begin(id string, until, now time.Time) (begun *reportInProgress, hanging reportInProgress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if other := r.ids[id]; other != nil && (!other.saving || !now.Before(other.until)) {
		return nil, *other
	}
	if r.ids == nil {
		r.ids = map[string]*reportInProgress{}
	}
	begun = &reportInProgress{until: until}
	r.ids[id] = begun
	return begun, reportInProgress{}
}

// save notes that the calls of a report have returned.
func (r *reportsInProgress) save(report *reportInProgress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	report.saving = true
}

// end removes a report, unless another one has replaced it.
func (r *reportsInProgress) end(id string, report *reportInProgress) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ids[id] == report {
		delete(r.ids, id)
	}
}
