package proxy

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/c2dproxy/c2dproxy/federation"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// metrics count this gateway's questions. Labels are SQLSTATEs only: nothing that an analyst
// wrote, and nothing that depends on data.
type metrics struct {
	questions *prometheus.CounterVec
	seconds   prometheus.Histogram
	bytes     prometheus.Counter
}

// newMetrics returns metrics that no registry has yet.
func newMetrics() *metrics {
	return &metrics{
		questions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "c2dproxy_questions_total", Help: "Questions asked at this gateway, by SQLSTATE; 00000 is answered.",
		}, []string{"sqlstate"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "c2dproxy_question_seconds", Help: "Time from execution to released rows.", Buckets: prometheus.ExponentialBuckets(0.25, 2, 10),
		}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "c2dproxy_computation_bytes_total", Help: "Bytes between the parties for questions of this gateway.",
		}),
	}
}

// observe records how a question ended. The log names who asked in which study, never the
// statement, its parameters or its answer.
func (p *Proxy) observe(analyst, study string, answer *federation.Answer, err error, took time.Duration) {
	state := "00000"
	if err != nil {
		state = pgerr.InternalError
		if e, ok := pgerr.As(err); ok {
			state = e.Code
		}
	}
	p.metrics.questions.WithLabelValues(state).Inc()
	p.metrics.seconds.Observe(took.Seconds())
	if answer == nil {
		p.logger.Info("question not answered", "analyst", analyst, "study", study, "sqlstate", state, "seconds", took.Seconds())
		return
	}
	for _, traffic := range answer.Stats.Traffic {
		p.metrics.bytes.Add(float64(traffic.Sent))
	}
	p.logger.Info("question answered", "analyst", analyst, "study", study, "execution", answer.ExecutionID.String(),
		"seconds", took.Seconds(), "rounds", answer.Stats.Rounds)
}
