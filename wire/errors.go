package wire

import (
	"context"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// Severities of an ErrorResponse.
const (
	severityError = "ERROR"
	severityFatal = "FATAL"
)

// errorResponse turns err into what the client sees. What is no *pgerr.Error becomes XX000
// with a reference number; the text goes to the log under the same number.
func (o *Options) errorResponse(ctx context.Context, severity string, err error) *pgproto3.ErrorResponse {
	if e, ok := pgerr.As(err); ok {
		return newErrorResponse(severity, e)
	}
	if errors.Is(err, context.Canceled) {
		return newErrorResponse(severity, pgerr.New(pgerr.QueryCanceled, "canceling statement due to user request"))
	}
	ref := o.reference()
	o.Logger.LogAttrs(ctx, slog.LevelError, "internal error", slog.String("ref", ref), slog.String("error", err.Error()))
	return newErrorResponse(severity, pgerr.New(pgerr.InternalError, "internal error (ref %s)", ref).
		WithHint("Tell the operator of this server the reference."))
}

// reference is a short random number that ties a client's error to a log line.
func (o *Options) reference() string {
	var b [6]byte
	if _, err := io.ReadFull(o.Random, b[:]); err != nil {
		return "none"
	}
	return hex.EncodeToString(b[:])
}

// newErrorResponse encodes e.
func newErrorResponse(severity string, e *pgerr.Error) *pgproto3.ErrorResponse {
	return &pgproto3.ErrorResponse{
		Severity: severity, SeverityUnlocalized: severity, Code: e.Code,
		Message: e.Message, Detail: e.Detail, Hint: e.Hint, Position: int32(e.Position),
	}
}

// shadowRefusal is the FATAL error with which the shadow refused a session, such as 42704 for
// an unknown setting; nil if err is something else.
func shadowRefusal(err error) *pgproto3.ErrorResponse {
	var pe *pgconn.PgError
	if !errors.As(err, &pe) {
		return nil
	}
	return &pgproto3.ErrorResponse{
		Severity: severityFatal, SeverityUnlocalized: severityFatal, Code: pe.Code,
		Message: pe.Message, Detail: pe.Detail, Hint: pe.Hint,
	}
}
