package ledger

import "slices"

// State is how far a purchase has come. States only move forward.
type State string

// The states, in the order in which they are reached.
const (
	// Created is written, and Gloebit has not been heard of it.
	Created State = "created"
	// Accepted is known to Gloebit, which has the gloebits on hold.
	Accepted State = "accepted"
	// Reserved was told to go on: enact was answered with true.
	Reserved State = "reserved"
	// Settled is paid: the gloebits are the merchant's, and the user is still
	// to get what they paid for.
	Settled State = "settled"
	// Delivered is finished: paid, and delivered.
	Delivered State = "delivered"
	// Refused is finished: Gloebit took no gloebits, for the reason in Outcome
	// and Cause.
	Refused State = "refused"
	// Canceled is off: the gloebits go back, and what was reserved is still to
	// be released.
	Canceled State = "canceled"
	// Released is finished: nothing was paid, and nothing is reserved.
	Released State = "released"
)

// States returns all states, in the order in which they are reached.
func States() []State {
	return []State{Created, Accepted, Reserved, Settled, Delivered, Refused, Canceled, Released}
}

// event is something that a purchase may meet.
type event string

const (
	eventAccepted event = "accepted" // transact answered that the gloebits are on hold
	eventRefused  event = "refused"  // transact answered that there will be no hold
	eventEnact    event = "enact"    // Gloebit asks whether to go on
	eventDecline  event = "decline"  // Reserve said no
	eventConsume  event = "consume"  // Gloebit tells that it is paid
	eventCancel   event = "cancel"   // Gloebit tells that it was rolled back
	eventDeliver  event = "deliver"  // the ledger wants to deliver
	eventRelease  event = "release"  // the ledger wants to release
)

func events() []event {
	return []event{eventAccepted, eventRefused, eventEnact, eventDecline, eventConsume, eventCancel, eventDeliver, eventRelease}
}

// call is what the Fulfiller is asked before a purchase moves, in the same unit
// as the move: when it fails, the purchase stays.
type call string

const (
	callNothing call = ""
	callReserve call = "Reserve"
	callDeliver call = "Deliver"
	callRelease call = "Release"
)

// rule is what an event does in a state.
type rule struct {
	next   State  // where the purchase goes; the same state means that it stays
	call   call   // what is called on the way there
	answer answer // what Gloebit is told; nothing for events that are not Gloebit's
}

// decide is the whole of the ledger's judgement: what becomes of a purchase,
// who is called and what Gloebit is told. It knows no clock and no store. In a
// state that a newer version has written it does nothing, and has Gloebit ask
// again.
func decide(state State, event event) rule {
	if !slices.Contains(States(), state) {
		return rule{next: state, answer: failed}
	}
	r := table[event][state]
	if r.next == "" {
		r.next = state
	}
	return r
}

// table says what each event does in each state. Where it says nothing of an
// event, nothing happens; where it gives no next state, the purchase stays.
var table = map[event]map[State]rule{
	eventAccepted: {Created: {next: Accepted}},
	eventRefused:  {Created: {next: Refused}, Accepted: {next: Refused}},
	eventEnact: {
		Created:   {Reserved, callReserve, yes}, // before transact has been answered
		Accepted:  {Reserved, callReserve, yes},
		Reserved:  {answer: yes},
		Settled:   {answer: yes},
		Delivered: {answer: yes},
		Refused:   {answer: noRefused},
		Canceled:  {answer: noCanceled},
		Released:  {answer: noCanceled},
	},
	eventDecline: { // what has moved meanwhile is answered as enact is
		Created:   {Canceled, callNothing, noCanceled},
		Accepted:  {Canceled, callNothing, noCanceled},
		Reserved:  {answer: yes},
		Settled:   {answer: yes},
		Delivered: {answer: yes},
		Refused:   {answer: noRefused},
		Canceled:  {answer: noCanceled},
		Released:  {answer: noCanceled},
	},
	eventConsume: {
		Created:   {answer: conflictNotEnacted},
		Accepted:  {answer: conflictNotEnacted},
		Reserved:  {Settled, callNothing, yes},
		Settled:   {answer: yes},
		Delivered: {answer: yes},
		Refused:   {answer: conflictRefused},
		Canceled:  {answer: conflictCanceled},
		Released:  {answer: conflictCanceled},
	},
	eventCancel: {
		Created:   {Canceled, callNothing, yes},
		Accepted:  {Canceled, callNothing, yes},
		Reserved:  {Canceled, callNothing, yes},
		Settled:   {answer: conflictSettled},
		Delivered: {answer: conflictSettled},
		Refused:   {Canceled, callNothing, yes},
		Canceled:  {answer: yes},
		Released:  {answer: yes},
	},
	eventDeliver: {Settled: {next: Delivered, call: callDeliver}},
	eventRelease: {Canceled: {next: Released, call: callRelease}},
}
