package demo

import (
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
)

// recorder passes a connection between two parties on and keeps every byte of it in a
// file, as somebody on the network path could.
type recorder struct {
	listener net.Listener
	target   string
	mu       sync.Mutex
	file     *os.File
	bytes    atomic.Int64
	failed   atomic.Bool // a byte passed that could not be kept: the search would be void

	dialler              string // the party that dials through it
	toTarget, fromTarget shapeLog
}

// newRecorder listens on a port of its own for connections to targetPort.
func newRecorder(path, dialler string, targetPort int) (*recorder, error) {
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		file.Close()
		return nil, err
	}
	r := &recorder{listener: listener, target: fmt.Sprintf("127.0.0.1:%d", targetPort), file: file, dialler: dialler}
	go r.accept()
	return r, nil
}

// port is where the dialling side connects.
func (r *recorder) port() int { return r.listener.Addr().(*net.TCPAddr).Port }

// accept passes connections on until the listener closes.
func (r *recorder) accept() {
	for {
		from, err := r.listener.Accept()
		if err != nil {
			return // closed
		}
		go r.pass(from)
	}
}

// pass copies both directions of one connection until both have ended.
func (r *recorder) pass(from net.Conn) {
	defer from.Close()
	to, err := net.Dial("tcp4", r.target)
	if err != nil {
		return // the party is down; the dialling side tries again
	}
	defer to.Close()
	done := make(chan struct{}, 2)
	pump := func(dst, src net.Conn, shape *shapeLog) {
		_, _ = io.Copy(dst, io.TeeReader(src, io.MultiWriter(r, &recordScanner{log: shape})))
		dst.Close() // so that the other direction ends too
		done <- struct{}{}
	}
	go pump(to, from, &r.toTarget)
	go pump(from, to, &r.fromTarget)
	<-done
	<-done
}

// Write keeps bytes; it implements io.Writer for both directions.
func (r *recorder) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bytes.Add(int64(len(p)))
	if _, err := r.file.Write(p); err != nil {
		r.failed.Store(true)
	}
	return len(p), nil
}

// close stops accepting; connections that pass end with their parties.
func (r *recorder) close() {
	r.listener.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.file.Close()
}
