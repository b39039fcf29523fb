package proxy

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/c2dproxy/c2dproxy/dp/ledger"
	"github.com/c2dproxy/c2dproxy/sqlplan"
)

// Status is what the health endpoint tells the operator at /status. It holds declared
// names, versions and states, never data or budgets of analysts.
type Status struct {
	Party   string        `json:"party"`
	Planner string        `json:"planner"`
	Clock   time.Time     `json:"clock"`
	Ledger  LedgerStatus  `json:"ledger"`
	Studies []StudyStatus `json:"studies"`
	Peers   []PeerStatus  `json:"peers"`
}

// LedgerStatus is the newest entry of the party's ledger.
type LedgerStatus struct {
	Sequence uint64 `json:"sequence"`
	Hash     string `json:"hash"`
}

// StudyStatus is one study; Problem is why it is not complete.
type StudyStatus struct {
	Name     string `json:"name"`
	Complete bool   `json:"complete"`
	Epoch    string `json:"epoch,omitempty"`
	Problem  string `json:"problem,omitempty"`
}

// PeerStatus is one peer as this party sees it.
type PeerStatus struct {
	Name        string            `json:"name"`
	Connect     string            `json:"connect"`
	Address     string            `json:"address,omitempty"`
	Reachable   bool              `json:"reachable"`
	Since       time.Time         `json:"since"`
	KeyMismatch bool              `json:"key_mismatch"`
	Planner     string            `json:"planner,omitempty"`
	Epochs      map[string]string `json:"epochs,omitempty"`
	SkewMillis  int64             `json:"skew_millis"`
	Ledger      uint64            `json:"ledger"`
	Behind      bool              `json:"ledger_behind"`
	SelfBehind  bool              `json:"self_behind"`
	Problem     string            `json:"problem,omitempty"`
}

// serveHealth serves /healthz, /readyz, /status and /metrics until ctx ends.
func (p *Proxy) serveHealth(ctx context.Context, listener net.Listener, account *ledger.Ledger) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if problem := p.notReady(); problem != "" {
			http.Error(w, problem, http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		status, err := p.status(account)
		if err != nil {
			http.Error(w, "the ledger cannot be read", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(status) // the client may have gone
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(p.registry(account), promhttp.HandlerOpts{}))
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// notReady says why questions cannot be answered now; empty when they can.
func (p *Proxy) notReady() string {
	for _, name := range p.config.Studies() {
		if _, ok := p.studies.get(name); !ok {
			return fmt.Sprintf("study %s: %s", name, p.studies.missing(name))
		}
	}
	for _, peer := range p.node.Peers() {
		if !peer.Reachable {
			return fmt.Sprintf("%s is not connected: %s", peer.Name, peer.LastError)
		}
		if peer.Epochs == nil {
			return fmt.Sprintf("%s has connected and not told its state yet", peer.Name)
		}
		for name, epoch := range peer.Epochs {
			if study, ok := p.studies.get(name); ok && study.Epoch() != epoch {
				return fmt.Sprintf("%s has another version of study %s", peer.Name, name)
			}
		}
	}
	return ""
}

// status collects what /status shows.
func (p *Proxy) status(account *ledger.Ledger) (Status, error) {
	sequence, hash, err := account.Head()
	if err != nil {
		return Status{}, err
	}
	s := Status{
		Party: p.config.Party, Planner: sqlplan.Version, Clock: time.Now().UTC(),
		Ledger: LedgerStatus{Sequence: sequence, Hash: hex.EncodeToString(hash[:])},
	}
	for _, name := range p.config.Studies() {
		one := StudyStatus{Name: name, Problem: p.studies.missing(name)}
		if study, ok := p.studies.get(name); ok {
			epoch := study.Epoch()
			one.Complete, one.Epoch = true, hex.EncodeToString(epoch[:8])
		}
		s.Studies = append(s.Studies, one)
	}
	for _, peer := range p.node.Peers() {
		problem := peer.LastError
		if peer.CatalogError != "" && peer.Reachable {
			problem = peer.CatalogError
		}
		epochs := map[string]string{}
		for name, epoch := range peer.Epochs {
			epochs[name] = hex.EncodeToString(epoch[:8])
		}
		s.Peers = append(s.Peers, PeerStatus{
			Name: peer.Name, Connect: string(peer.Connect), Address: peer.Address, Reachable: peer.Reachable, Since: peer.Since,
			KeyMismatch: peer.KeyMismatch, Planner: peer.Version, Epochs: epochs, SkewMillis: peer.Skew.Milliseconds(),
			Ledger: peer.LedgerSeq, Behind: peer.LedgerBehind, SelfBehind: peer.SelfBehind, Problem: problem,
		})
	}
	return s, nil
}

// registry makes the metrics: states of this party, no label that an analyst chose.
func (p *Proxy) registry(account *ledger.Ledger) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	registry.MustRegister(p.metrics.questions, p.metrics.seconds, p.metrics.bytes)
	gauge := func(name, help string, read func() float64) {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
	}
	gauge("c2dproxy_peers_reachable", "Peers that are connected.", func() float64 {
		n := 0
		for _, peer := range p.node.Peers() {
			if peer.Reachable {
				n++
			}
		}
		return float64(n)
	})
	gauge("c2dproxy_executions_running", "Questions that this party computes now, its own and those of other gateways.", func() float64 {
		return float64(p.node.Running())
	})
	gauge("c2dproxy_studies_complete", "Studies of which every party is known and agrees.", func() float64 {
		return float64(len(p.studies.current()))
	})
	gauge("c2dproxy_ledger_entries", "Entries of this party's privacy ledger.", func() float64 {
		sequence, _, err := account.Head()
		if err != nil {
			return -1
		}
		return float64(sequence)
	})
	gauge("c2dproxy_ready", "1 when questions can be answered.", func() float64 {
		if p.notReady() == "" {
			return 1
		}
		return 0
	})
	return registry
}
