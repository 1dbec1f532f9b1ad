package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// child is a started process that is waited for.
type child struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has ended
	err  error         // how it ended; read after done
}

// spawn starts cmd as a child that dies with this process. The goroutine keeps its OS thread for the whole life of the
// child, because the kernel ties the death signal to the thread that forked, not to the process: on an unlocked goroutine
// Go may retire that thread and the server would be killed out of the blue.
func spawn(cmd *exec.Cmd) (*child, error) {
	c := &child{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		c.err = cmd.Wait()
		close(c.done)
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return c, nil
}

// run starts cmd like spawn and waits for its end. It returns the output with the error when the command fails.
func run(ctx context.Context, cmd *exec.Cmd) error {
	out, err := os.CreateTemp("", "switchboard-out-")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(out.Name()) }()
	defer func() { _ = out.Close() }()
	cmd.Stdout, cmd.Stderr = out, out
	c, err := spawn(cmd)
	if err != nil {
		return err
	}
	select {
	case <-c.done:
	case <-ctx.Done():
		_ = c.signal(syscall.SIGKILL)
		<-c.done
		return ctx.Err()
	}
	if c.err != nil {
		return fmt.Errorf("%w: %s", c.err, tail(out.Name(), 0))
	}
	return nil
}

func (c *child) pid() int { return c.cmd.Process.Pid }

func (c *child) signal(s syscall.Signal) error {
	err := c.cmd.Process.Signal(s)
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

func (c *child) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// stop sends the signals one after the other, each with an equal share of the time that ctx and stopTimeout leave, until
// the process has ended. It returns an error when a signal other than the first was needed.
func (c *child) stop(ctx context.Context, signals ...syscall.Signal) error {
	if c.ended() {
		return nil
	}
	share := stopTimeout
	if deadline, ok := ctx.Deadline(); ok {
		share = min(share, time.Until(deadline))
	}
	share /= time.Duration(len(signals))
	for i, s := range signals {
		if err := c.signal(s); err != nil {
			return err
		}
		patience := time.NewTimer(share)
		select {
		case <-c.done:
			patience.Stop()
			if i > 0 {
				return fmt.Errorf("process %d did not stop in time and was ended with %v", c.pid(), s)
			}
			return nil
		case <-patience.C:
		}
	}
	<-c.done // the last signal is SIGKILL: the end is certain
	return fmt.Errorf("process %d did not stop in time and was killed", c.pid())
}

// poll calls ready until it is true, the child has ended or ctx is over.
func (c *child) poll(ctx context.Context, ready func() bool) error {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		if ready() {
			return nil
		}
		select {
		case <-c.done:
			return fmt.Errorf("ended while starting: %w", errOr(c.err, errors.New("exit status 0")))
		case <-ctx.Done():
			return fmt.Errorf("not ready in time: %w", ctx.Err())
		case <-tick.C:
		}
	}
}

func errOr(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}
