package catalog

import (
	"io/fs"
	"net"
	"path/filepath"
	"strconv"
)

// Socket is a unix socket for analysts on the same machine. The zero Socket is none.
type Socket struct {
	Dir   string      // the folder, which clients name as their host
	Port  int         // part of the file's name
	Mode  fs.FileMode // who may connect: the permission bits of the file
	Group string      // of the file; empty: the process's own
}

// Defaults of a socket.
const (
	socketMode = 0o770
	socketPort = 5432
)

// maxSocketPath is what the system allows in the address of a unix socket, without its zero byte.
const maxSocketPath = 107

// Path is the socket's file, by the name that PostgreSQL's clients look for.
func (s Socket) Path() string { return filepath.Join(s.Dir, ".s.PGSQL."+strconv.Itoa(s.Port)) }

// transport checks where the party listens, and what makes connections of analysts safe.
func (b *builder) transport(dir string) {
	f, c := b.file, b.out
	if (f.AnalystTLS.CertFile == "") != (f.AnalystTLS.KeyFile == "") {
		b.add("analyst_tls", "has one of cert_file and key_file; write both or none")
	}
	if f.AnalystTLS.ClientCRLFile != "" && f.AnalystTLS.ClientCAFile == "" {
		b.add("analyst_tls.client_crl_file", "needs client_ca_file: without it no certificate is taken")
	}
	c.AnalystTLS = AnalystTLS{
		resolve(dir, f.AnalystTLS.CertFile), resolve(dir, f.AnalystTLS.KeyFile),
		resolve(dir, f.AnalystTLS.ClientCAFile), resolve(dir, f.AnalystTLS.ClientCRLFile), f.AnalystTLS.Loopback,
	}
	c.Listen = Listen{Analysts: f.Listen.Analysts, Socket: b.socket(dir), Peers: f.Listen.Peers, Health: f.Listen.Health}
}

// socket checks the unix socket.
func (b *builder) socket(dir string) Socket {
	f := b.file.Listen
	if f.Socket == "" {
		if f.SocketMode != "" || f.SocketGroup != "" {
			b.add("listen", "has no analysts_socket; write its folder, or remove analysts_socket_mode and analysts_socket_group")
		}
		return Socket{}
	}
	s := Socket{Dir: resolve(dir, f.Socket), Port: socketPort, Mode: socketMode, Group: f.SocketGroup}
	if f.Analysts != "" {
		_, port, _ := net.SplitHostPort(f.Analysts) // no port: no number
		var err error
		if s.Port, err = strconv.Atoi(port); err != nil || s.Port < 1 || s.Port > 65535 {
			b.add("listen.analysts", "%q: with analysts_socket write the port as a number; it is part of the socket's name", f.Analysts)
		}
	}
	if f.SocketMode != "" {
		mode, err := strconv.ParseUint(f.SocketMode, 8, 9)
		if err != nil || mode == 0 {
			b.add("listen.analysts_socket_mode", "%q is not a mode; write octal digits such as 0770", clip(f.SocketMode))
		}
		s.Mode = fs.FileMode(mode)
	}
	if len(s.Path()) > maxSocketPath {
		b.add("listen.analysts_socket", "makes %s, which is longer than the %d bytes that an address of a socket has; write a shorter folder", s.Path(), maxSocketPath)
	}
	return s
}
