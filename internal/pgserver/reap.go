package pgserver

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// reapWait is how long killed processes may take to go.
const reapWait = 10 * time.Second

// reap ends what a postmaster that was killed leaves of the cluster in data. Its children notice when they next wait
// for something: one that computes would go on, its client none the wiser.
func reap(data string) error {
	for end := time.Now().Add(reapWait); ; time.Sleep(5 * time.Millisecond) {
		pids, err := processesIn(data)
		if err != nil {
			return err
		}
		if len(pids) == 0 {
			return removeSegment(data)
		}
		if time.Now().After(end) {
			return fmt.Errorf("pgserver: processes %v in %s do not end", pids, data)
		}
		for _, pid := range pids {
			if err := syscall.Kill(pid, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return fmt.Errorf("pgserver: end process %d of %s: %w", pid, data, err)
			}
		}
	}
}

// processesIn lists the processes that work in data: PostgreSQL's stay there for all their lives. A process that
// ends, or is another account's, has no such place.
func processesIn(data string) ([]int, error) {
	links, err := filepath.Glob("/proc/[0-9]*/cwd")
	if err != nil {
		return nil, fmt.Errorf("pgserver: %w", err)
	}
	var pids []int
	for _, link := range links {
		if cwd, err := os.Readlink(link); err != nil || cwd != data {
			continue
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(link))); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

// Lines of postmaster.pid.
const (
	segmentLine = 6 // the System V segment that guards the directory: key and number
	statusLine  = 7 // starting, ready, standby or stopping
)

// pidFileLine reads one line of postmaster.pid; empty where there is none.
func pidFileLine(data string, n int) (string, error) {
	text, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	if errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("pgserver: %w", err)
	}
	lines := strings.Split(string(text), "\n")
	if len(lines) <= n {
		return "", nil
	}
	return strings.TrimSpace(lines[n]), nil
}

// stopping reports whether the postmaster of data was told to stop.
func stopping(data string) bool {
	status, err := pidFileLine(data, statusLine)
	return err == nil && status == "stopping"
}

// removeSegment removes the segment of shared memory that a killed postmaster leaves in the kernel for ever. One
// that is somebody else's by now is still attached, or not ours to remove.
func removeSegment(data string) error {
	line, err := pidFileLine(data, segmentLine) // none where the server went in order
	if err != nil {
		return err
	}
	numbers := strings.Fields(line)
	if len(numbers) != 2 {
		return nil
	}
	id, err := strconv.Atoi(numbers[1])
	if err != nil {
		return nil
	}
	key, err := strconv.ParseUint(numbers[0], 10, 32)
	if err != nil {
		return nil
	}
	var segment unix.SysvShmDesc
	if _, err := unix.SysvShmCtl(id, unix.IPC_STAT, &segment); err != nil || segment.Nattch != 0 || uint32(segment.Perm.Key) != uint32(key) {
		return nil
	}
	if _, err := unix.SysvShmCtl(id, unix.IPC_RMID, nil); err != nil {
		return fmt.Errorf("pgserver: remove shared memory %d: %w", id, err)
	}
	return nil
}
