package catalog

import "time"

// FileSessions holds limits of analysts' sessions; durations such as 90s, 10m or 24h.
type FileSessions struct {
	Connections *int64 `yaml:"connections"`
	PerAnalyst  *int64 `yaml:"per_analyst"`
	Login       string `yaml:"login"`
	Statement   string `yaml:"statement"`
	Idle        string `yaml:"idle"`
	IdleInBlock string `yaml:"idle_in_transaction"`
	Failures    *int64 `yaml:"free_failures"`
	Delay       string `yaml:"longest_delay"`
}

// Sessions are limits of analysts' sessions at a gateway.
type Sessions struct {
	Connections int           // at one time
	PerAnalyst  int           // of one login at one time
	Login       time.Duration // from the first byte to the end of the login
	Statement   time.Duration // of one statement
	Idle        time.Duration // between statements
	IdleInBlock time.Duration // between the statements of a transaction
	Failures    int           // logins that may fail in a row before the next one has to wait
	Delay       time.Duration // the longest wait between two attempts
}

// Ends of what can be configured.
const (
	maxSessions = 1000
	maxFailures = 100
	maxLimit    = 30 * 24 * time.Hour
)

// sessions checks the limits and fills in those that are not written.
func (b *builder) sessions() {
	f := b.file.Sessions
	s := Sessions{
		Connections: b.count("sessions.connections", f.Connections, 100, maxSessions),
		Login:       b.limit("sessions.login", f.Login, 15*time.Second, 10*time.Minute),
		Statement:   b.limit("sessions.statement", f.Statement, 10*time.Minute, maxLimit),
		Idle:        b.limit("sessions.idle", f.Idle, 24*time.Hour, maxLimit),
		IdleInBlock: b.limit("sessions.idle_in_transaction", f.IdleInBlock, time.Hour, maxLimit),
		Failures:    b.count("sessions.free_failures", f.Failures, 3, maxFailures),
		Delay:       b.limit("sessions.longest_delay", f.Delay, 5*time.Minute, 24*time.Hour),
	}
	s.PerAnalyst = b.count("sessions.per_analyst", f.PerAnalyst, min(20, s.Connections), maxSessions)
	if s.PerAnalyst > s.Connections {
		b.add("sessions.per_analyst", "is %d, more than connections (%d)", s.PerAnalyst, s.Connections)
	}
	b.out.Sessions = s
}

// count checks a whole number from 1 up.
func (b *builder) count(path string, written *int64, missing, most int) int {
	if written == nil {
		return missing
	}
	if *written < 1 || *written > int64(most) {
		b.add(path, "is %d; write a number from 1 to %d", *written, most)
		return missing
	}
	return int(*written)
}

// limit checks a duration of at least a second.
func (b *builder) limit(path, text string, missing, most time.Duration) time.Duration {
	if text == "" {
		return missing
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second || d > most {
		b.add(path, "%q is not a duration from 1s to %s; write one such as 90s, 10m or 24h", clip(text), most)
		return missing
	}
	return d
}
