package wire

import (
	"context"
	"errors"
	"io"
	"net"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// openAgain is the time between two attempts to open a session.
const openAgain = 50 * time.Millisecond

// open opens a session and its shadow. A shadow that is just stopping or dying has a successor a moment later: the client
// waits for it instead of being told.
func (c *connection) open(ctx context.Context, database string, settings map[string]string) (Session, *shadowConn, error) {
	if err := c.server.opts.settings(settings); err != nil {
		return nil, nil, err
	}
	for {
		session, err := c.server.opts.Handler.Connect(ctx, c.login, database)
		if err != nil {
			return nil, nil, err
		}
		shadow, err := connectShadow(ctx, session.Shadow(), settings)
		if err == nil {
			return session, shadow, nil
		}
		session.Close()
		if !passing(err) {
			return nil, nil, err
		}
		select {
		case <-ctx.Done():
			return nil, nil, err
		case <-time.After(openAgain):
		}
	}
}

// optionName finds the names of settings in the parameter "options": -c name=value, -cname=value and --name=value.
var optionName = regexp.MustCompile(`(?:^|\s)(?:-c\s*|--)([^\s=]+)`)

// settings refuses a session that begins with a setting that Options.Setting refuses.
func (o *Options) settings(of map[string]string) error {
	if o.Setting == nil {
		return nil
	}
	for name, value := range of {
		if err := o.Setting(name); err != nil {
			return err
		}
		if name != "options" {
			continue
		}
		for _, found := range optionName.FindAllStringSubmatch(value, -1) {
			if err := o.Setting(strings.ReplaceAll(found[1], "-", "_")); err != nil {
				return err
			}
		}
	}
	return nil
}

// passing says that a shadow was not there rather than that it refused.
func passing(err error) bool {
	var told *pgconn.PgError
	if errors.As(err, &told) {
		return told.Code == pgerr.AdminShutdown || told.Code == pgerr.CannotConnectNow || told.Code == "57P02"
	}
	var unreachable *net.OpError
	return errors.As(err, &unreachable) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}
