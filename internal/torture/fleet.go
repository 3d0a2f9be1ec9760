package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"
)

// replicas is the number of the shop's processes. They share one database.
const replicas = 2

// fleet is all of the shop's processes. Its methods, except dial, must not be
// called concurrently.
type fleet struct {
	shops [replicas]*keeper
	next  atomic.Uint64
}

// ahead is how far the clock of the last replica is ahead of the others, if
// faults.Clocks is set.
const ahead = 20 * time.Minute

func newFleet(plan shopPlan, clocks bool) *fleet {
	f := &fleet{}
	for i := range f.shops {
		f.shops[i] = &keeper{plan: plan}
		f.shops[i].plan.Life = uint64(i) << 32 // each process has its own random numbers
	}
	if clocks {
		f.shops[replicas-1].plan.Ahead = ahead
	}
	return f
}

// dial ignores the address and connects to the processes in turn, like a load
// balancer. It skips a process that does not accept the connection.
func (f *fleet) dial(ctx context.Context, network, address string) (net.Conn, error) {
	first := f.next.Add(1)
	var errs []error
	for i := range uint64(replicas) {
		conn, err := f.shops[(first+i)%replicas].dial(ctx, network, address)
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

func (f *fleet) change(change func(*shopPlan)) {
	for _, k := range f.shops {
		change(&k.plan)
	}
}

func (f *fleet) each(do func(*keeper) error) error {
	var errs []error
	for _, k := range f.shops {
		errs = append(errs, do(k))
	}
	return errors.Join(errs...)
}

func (f *fleet) start() error { return f.each((*keeper).start) }
func (f *fleet) kill() error  { return f.each((*keeper).kill) }
func (f *fleet) stop() error  { return f.each((*keeper).stop) }

func (f *fleet) calmDown() error { return f.each((*keeper).calmDown) }

// kills returns how often processes were killed.
func (f *fleet) kills() (n int) {
	for _, k := range f.shops {
		n += k.kills
	}
	return n
}

// restart kills one of the processes, or sometimes two at once, and starts them
// again. It kills no more processes than most.
func (f *fleet) restart(random *rand.Rand, most int) error {
	first := random.IntN(replicas)
	other := f.shops[(first+1)%replicas]
	both := most > 1 && random.IntN(4) == 0
	if both {
		if err := other.kill(); err != nil {
			return err
		}
		other.kills++
	}
	if err := f.shops[first].restart(); err != nil {
		return err
	}
	if both {
		return other.start()
	}
	return nil
}
