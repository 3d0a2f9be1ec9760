package ledger

// Ruling is the table's entry for an event in a state.
type Ruling struct {
	Next   State
	Call   string
	Answer string // the body; empty for events that are not Gloebit's
	Status int
	Stuck  bool
}

// Decide shows the table to tests.
func Decide(state State, happens string) Ruling {
	r := decide(state, eventKind(happens))
	ruling := Ruling{Next: r.next, Call: string(r.call), Status: r.answer.status, Stuck: r.stuck}
	if r.answer.status != 0 {
		ruling.Answer = r.answer.String()
	}
	return ruling
}

// Events are the names of all events.
func Events() []string {
	var names []string
	for _, e := range eventKinds() {
		names = append(names, string(e))
	}
	return names
}
