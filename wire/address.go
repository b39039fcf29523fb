package wire

import (
	"fmt"
	"net"
	"net/netip"
	"syscall"
)

// addressOf is a peer's address: of IPv6 its network of 64 bits, which one host can have whole; on a unix
// socket its account.
func addressOf(c net.Conn) string {
	if u, ok := c.(*net.UnixConn); ok {
		return accountOf(u)
	}
	ap, err := netip.ParseAddrPort(c.RemoteAddr().String())
	if err != nil {
		return c.RemoteAddr().Network()
	}
	ip := ap.Addr().Unmap()
	if ip.Is6() {
		if p, err := ip.Prefix(64); err == nil {
			return p.String()
		}
	}
	return ip.String()
}

// accountOf is who connected to a unix socket, as the system says.
func accountOf(u *net.UnixConn) string {
	raw, err := u.SyscallConn()
	if err != nil {
		return "unix"
	}
	var peer *syscall.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) {
		peer, failed = syscall.GetsockoptUcred(int(fd), syscall.SOL_SOCKET, syscall.SO_PEERCRED)
	}); err != nil || failed != nil {
		return "unix"
	}
	return fmt.Sprintf("unix:uid=%d", peer.Uid)
}

// onSocket says that a connection came over a unix socket.
func onSocket(c net.Conn) bool { return c.RemoteAddr().Network() == "unix" }

// onLoopback says that both ends of a connection are loopback addresses of this machine.
func onLoopback(remote, local net.Addr) bool { return isLoopback(remote) && isLoopback(local) }

// isLoopback knows 127.0.0.0/8 and ::1, also written as ::ffff:127.0.0.1.
func isLoopback(a net.Addr) bool {
	ap, err := netip.ParseAddrPort(a.String())
	return a.Network() == "tcp" && err == nil && ap.Addr().Unmap().IsLoopback()
}
