package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// process is a party's running c2dproxy. It dies with its parent.
type process struct {
	command *exec.Cmd
	ended   chan struct{} // closed when it has ended
	err     error         // valid once ended is closed
}

// stopWait is how long a graceful stop may take before SIGKILL.
const stopWait = 15 * time.Second

// StartParty starts a party's process; its log goes to the party's file.
func (d *Deployment) StartParty(p *Party) error {
	log, err := os.OpenFile(p.Logs(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	command := exec.Command(d.program, "serve", p.Config)
	command.Dir = p.Dir
	command.Stdout, command.Stderr = log, log
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	one := &process{command: command, ended: make(chan struct{})}
	started := make(chan error)
	// The parent-death signal is sent when the starting thread ends, so that thread must
	// live as long as the child: it waits for it here, locked.
	go func() {
		runtime.LockOSThread()
		err := command.Start()
		started <- err
		if err == nil {
			one.err = command.Wait()
		}
		close(one.ended)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	p.process = one
	return nil
}

// Stop ends the process gracefully, or with SIGKILL when that takes too long.
func (p *Party) Stop() error {
	if p.process == nil {
		return nil
	}
	_ = p.process.command.Process.Signal(syscall.SIGTERM) // it may have ended by itself
	select {
	case <-p.process.ended:
	case <-time.After(stopWait):
		p.Kill()
		return fmt.Errorf("%s did not stop within %s", p.Name, stopWait)
	}
	p.process = nil
	return nil
}

// Kill ends the process as a power cut would.
func (p *Party) Kill() {
	if p.process == nil {
		return
	}
	_ = p.process.command.Process.Kill()
	<-p.process.ended
	p.process = nil
}

// Running reports whether the process runs.
func (p *Party) Running() bool {
	if p.process == nil {
		return false
	}
	select {
	case <-p.process.ended:
		return false
	default:
		return true
	}
}

// WaitReady returns when every party says that all its studies are complete.
func (d *Deployment) WaitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for _, p := range d.Parties {
		for {
			if err := d.ended(); err != nil {
				return err
			}
			if p.ready(ctx) {
				break
			}
			select {
			case <-ctx.Done():
				log, _ := os.ReadFile(p.Logs())
				return errors.Join(fmt.Errorf("%s is not ready:\n%s", p.Name, lastLines(log, 8)), ctx.Err())
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	return nil
}

// ended names a party whose process has ended: the others wait for it.
func (d *Deployment) ended() error {
	for _, p := range d.Parties {
		if !p.Running() {
			log, _ := os.ReadFile(p.Logs())
			return fmt.Errorf("%s has ended:\n%s", p.Name, lastLines(log, 8))
		}
	}
	return nil
}

// ready asks the party's health endpoint.
func (p *Party) ready(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d/readyz", p.Health), nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// lastLines returns the last n lines of a log.
func lastLines(log []byte, n int) []byte {
	lines := bytes.Split(bytes.TrimSpace(log), []byte("\n"))
	return bytes.Join(lines[max(0, len(lines)-n):], []byte("\n"))
}
