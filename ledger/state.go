package ledger

import "slices"

// State is the progress of a purchase. States only move forward, with two
// exceptions: a refused purchase becomes Created when its user orders again,
// and a refused, canceled or released one becomes Settled when Gloebit reports
// it as paid.
type State string

// The states of a purchase.
const (
	// Created means that the purchase is stored, and Gloebit has not answered
	// yet.
	Created State = "created"
	// Accepted means that Gloebit has the transaction and the gloebits on hold.
	Accepted State = "accepted"
	// Reserved means that the ledger answered enact with true: Gloebit may take
	// the gloebits.
	Reserved State = "reserved"
	// Settled means that the merchant was paid, and the purchase is not
	// delivered yet.
	Settled State = "settled"
	// Delivered means that the purchase is finished: it was paid and delivered.
	Delivered State = "delivered"
	// Refused means that the purchase is finished: Gloebit took no gloebits,
	// for the reason in Outcome and Cause. If the user orders again with the
	// same key, the purchase is Created again.
	Refused State = "refused"
	// Canceled means that Gloebit gives the gloebits back, and the reservation is
	// not released yet.
	Canceled State = "canceled"
	// Released means that the purchase is finished: nothing was paid, and
	// nothing is reserved.
	Released State = "released"
)

// States returns all states: those up to Delivered in the order in which a
// purchase reaches them, then those of purchases that end without a delivery.
func States() []State {
	return []State{Created, Accepted, Reserved, Settled, Delivered, Refused, Canceled, Released}
}

// known reports whether this version knows the state. It saves no purchase in
// another one.
func (s State) known() bool { return slices.Contains(States(), s) }

// eventKind is something that can happen to a purchase.
type eventKind string

const (
	eventAccepted   eventKind = "accepted"   // Transact returned that the gloebits are on hold
	eventRefused    eventKind = "refused"    // Transact returned that there will be no hold
	eventEnact      eventKind = "enact"      // Gloebit asks whether to continue
	eventDecline    eventKind = "decline"    // Reserve refused after enact
	eventConsume    eventKind = "consume"    // Gloebit reports payment
	eventUnreserved eventKind = "unreserved" // Reserve failed after consume
	eventCancel     eventKind = "cancel"     // Gloebit reports a rollback
	eventWithdraw   eventKind = "withdraw"   // the application or a time limit cancels the order
	eventReorder    eventKind = "reorder"    // the user orders the same again
	eventDeliver    eventKind = "deliver"    // the ledger wants to deliver
	eventRelease    eventKind = "release"    // the ledger wants to release
)

func eventKinds() []eventKind {
	return []eventKind{
		eventAccepted, eventRefused, eventEnact, eventDecline, eventConsume, eventUnreserved, eventCancel,
		eventWithdraw, eventReorder, eventDeliver, eventRelease,
	}
}

// call is the method of the Fulfiller that is called before a purchase changes
// its state, in the same Change: if it fails, the state stays.
type call string

const (
	callNothing call = ""
	callReserve call = "Reserve"
	callDeliver call = "Deliver"
	callRelease call = "Release"
)

// rule is the effect of an event in a state.
type rule struct {
	next   State  // the next state; the same state means no change
	call   call   // called before the change
	answer answer // the response to Gloebit; zero for events that are not Gloebit's
	stuck  bool   // the purchase is marked stuck, for an operator to decide
}

// decide returns the next state, the call of the Fulfiller and the response to
// Gloebit. It uses no clock and no store. For a state written by a newer
// version, it changes nothing and makes Gloebit retry.
func decide(state State, kind eventKind) rule {
	if !state.known() {
		return rule{next: state, answer: failed}
	}
	r := table[kind][state]
	if r.next == "" {
		r.next = state
	}
	return r
}

// table has the effect of each event in each state. Without an entry, nothing
// happens; without a next state in the entry, the state stays.
//
// A signed consume is proof of payment in every state. Gloebit sends it only
// after enact was answered with true. If the stored state contradicts that, the
// store has lost a commit, or Gloebit has broken its promise.
var table = map[eventKind]map[State]rule{
	eventAccepted: {Created: {next: Accepted}},
	eventRefused:  {Created: {next: Refused}, Accepted: {next: Refused}},
	eventEnact: {
		Created:   {next: Reserved, call: callReserve, answer: yes}, // before Transact's response
		Accepted:  {next: Reserved, call: callReserve, answer: yes},
		Reserved:  {answer: yes},
		Settled:   {answer: yes},
		Delivered: {answer: yes},
		Refused:   {answer: noRefused},
		Canceled:  {answer: noCanceled},
		Released:  {answer: noCanceled},
	},
	eventDecline: { // if the purchase has moved meanwhile, the response is that of enact
		Created:   {next: Canceled, answer: noCanceled},
		Accepted:  {next: Canceled, answer: noCanceled},
		Reserved:  {answer: yes},
		Settled:   {answer: yes},
		Delivered: {answer: yes},
		Refused:   {answer: noRefused},
		Canceled:  {answer: noCanceled},
		Released:  {answer: noCanceled},
	},
	eventConsume: {
		Created:   {next: Settled, call: callReserve, answer: yes}, // enact's commit was lost
		Accepted:  {next: Settled, call: callReserve, answer: yes},
		Reserved:  {next: Settled, answer: yes},
		Settled:   {answer: yes},
		Delivered: {answer: yes},
		Refused:   {next: Settled, answer: yes, stuck: true},
		Canceled:  {next: Settled, answer: yes, stuck: true},
		Released:  {next: Settled, answer: yes, stuck: true},
	},
	eventUnreserved: {
		Created:   {next: Settled, answer: yes, stuck: true},
		Accepted:  {next: Settled, answer: yes, stuck: true},
		Reserved:  {next: Settled, answer: yes},
		Settled:   {answer: yes},
		Delivered: {answer: yes},
		Refused:   {next: Settled, answer: yes, stuck: true},
		Canceled:  {next: Settled, answer: yes, stuck: true},
		Released:  {next: Settled, answer: yes, stuck: true},
	},
	eventCancel: {
		Created:   {next: Canceled, answer: yes},
		Accepted:  {next: Canceled, answer: yes},
		Reserved:  {next: Canceled, answer: yes},
		Settled:   {answer: conflictSettled},
		Delivered: {answer: conflictSettled},
		Refused:   {next: Canceled, answer: yes}, // ordering again would not charge it
		Canceled:  {answer: yes},
		Released:  {answer: yes},
	},
	eventWithdraw: {Created: {next: Canceled}, Accepted: {next: Canceled}},
	eventReorder:  {Refused: {next: Created}},
	eventDeliver:  {Settled: {next: Delivered, call: callDeliver}},
	eventRelease:  {Canceled: {next: Released, call: callRelease}},
}
