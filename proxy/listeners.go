package proxy

import (
	"fmt"
	"net"

	"github.com/c2dproxy/c2dproxy/catalog"
)

// listeners are a party's ports for peers and operators, bound before it says that it has started; nil: not configured.
type listeners struct {
	peers, health net.Listener
}

// listen binds the configured addresses.
func listen(at catalog.Listen) (*listeners, error) {
	l := &listeners{}
	for _, one := range []struct {
		address, purpose string
		into             *net.Listener
	}{{at.Peers, "peers", &l.peers}, {at.Health, "health checks", &l.health}} {
		if one.address == "" {
			continue
		}
		listener, err := net.Listen("tcp", one.address)
		if err != nil {
			l.close()
			return nil, fmt.Errorf("listen for %s: %w", one.purpose, err)
		}
		*one.into = listener
	}
	return l, nil
}

// close closes what is bound; servers close their own listener before.
func (l *listeners) close() {
	for _, one := range []net.Listener{l.peers, l.health} {
		if one != nil {
			_ = one.Close()
		}
	}
}
