package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"sync/atomic"
	"time"
)

// keeper starts, kills and restarts one of the shop's processes. Its methods,
// except dial, must not be called concurrently.
type keeper struct {
	plan  shopPlan
	kills int

	address atomic.Pointer[string]
	cmd     *exec.Cmd
	stdin   io.WriteCloser
}

// dial ignores the address and connects to the process.
func (k *keeper) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	address := k.address.Load()
	if address == nil {
		return nil, errors.New("the shop is closed")
	}
	var dialer net.Dialer
	return dialer.DialContext(ctx, network, *address)
}

// start starts a process and waits until it listens.
func (k *keeper) start() error {
	k.plan.Life++
	program, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(program)
	if cmd.Env, err = k.plan.environment(); err != nil {
		return err
	}
	cmd.Stderr = os.Stderr // panics and the log
	if k.stdin, err = cmd.StdinPipe(); err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	k.cmd = cmd
	impatient := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Kill() })
	defer impatient.Stop()
	lines := bufio.NewScanner(stdout)
	if !lines.Scan() {
		return fmt.Errorf("the shop does not tell its address: %w", errors.Join(lines.Err(), cmd.Wait()))
	}
	address := lines.Text()
	k.address.Store(&address)
	return nil
}

// kill kills the process with SIGKILL, which stops it as abruptly as a loss of
// power. It returns an error if the process had already exited.
func (k *keeper) kill() error {
	if k.cmd == nil {
		return nil
	}
	cmd := k.cmd
	k.cmd = nil
	k.address.Store(nil) // another process may get the port
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if cmd.ProcessState.Exited() {
		return fmt.Errorf("the shop has ended by itself: %s", cmd.ProcessState)
	}
	return nil
}

// calmDown ends the faults of the process and of the processes started later.
func (k *keeper) calmDown() error {
	k.plan.Faulty, k.plan.Outages = false, false
	if k.cmd == nil {
		return nil
	}
	_, err := fmt.Fprintln(k.stdin, "calm down")
	return err
}

// stop shuts the process down gracefully. If it doesn't exit within 20 seconds,
// stop kills it.
func (k *keeper) stop() error {
	if k.cmd == nil {
		return nil
	}
	cmd := k.cmd
	_ = k.stdin.Close()
	impatient := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
	defer impatient.Stop()
	err := cmd.Wait()
	k.cmd = nil
	return err
}

// restart kills the process and starts a new one.
func (k *keeper) restart() error {
	if err := k.kill(); err != nil {
		return err
	}
	k.kills++
	return k.start()
}
