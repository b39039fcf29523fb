package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/proxy"
)

// maxSkew is the clock difference in milliseconds that doctor finds wrong. Approvals, which live
// for a minute, fail from twice that on.
const maxSkew = 30 * 1000

// finding is one line of doctor.
type finding struct {
	text        string
	wrong       bool
	unconnected bool // there is no connection to the peer
}

// wrong is a finding of something wrong.
func wrong(format string, args ...any) finding {
	return finding{text: fmt.Sprintf(format, args...), wrong: true}
}

// direction says who dials whom.
func direction(self string, peer *proxy.PeerStatus) string {
	if peer.Connect == string(catalog.Accept) {
		return fmt.Sprintf("%s → %s (it dials us)", peer.Name, self)
	}
	return fmt.Sprintf("%s → %s (%s)", self, peer.Name, peer.Address)
}

// examinePeer turns what a running party knows of a peer into findings.
func examinePeer(s *proxy.Status, peer *proxy.PeerStatus) []finding {
	at := direction(s.Party, peer)
	switch {
	case peer.KeyMismatch:
		return []finding{{text: at + ": another key answers than the one pinned in peers: compare the fingerprints with " + peer.Name + "'s operator by telephone", wrong: true, unconnected: true}}
	case !peer.Reachable:
		text := at + ": not connected: " + words(peer.Problem, "no attempt has ended yet")
		if peer.Connect == string(catalog.Accept) {
			text += fmt.Sprintf("; is %s running, does it reach our listen.peers, and has it pinned our key? Its operator sees why with: c2dproxy doctor; our log names connections that were refused", peer.Name)
		}
		return []finding{{text: text, wrong: true, unconnected: true}}
	}
	var findings []finding
	if peer.Planner != s.Planner {
		findings = append(findings, wrong("%s: it runs planner %s, this party %s: update the older one; all three have to run the same", at, peer.Planner, s.Planner))
	}
	if peer.SkewMillis > maxSkew || peer.SkewMillis < -maxSkew {
		findings = append(findings, wrong("%s: its clock differs by %+d s: set both by NTP", at, peer.SkewMillis/1000))
	}
	if peer.Behind {
		findings = append(findings, wrong("%s: its ledger is older than what this party saw of it: its operator must restore the newest ledger", at))
	}
	if peer.SelfBehind {
		findings = append(findings, wrong("%s: it has seen a newer ledger of %s than the one here: stop, restore the newest ledger to the state folder, start; until then nothing is answered", at, s.Party))
	}
	if peer.Problem != "" {
		findings = append(findings, wrong("%s: %s", at, peer.Problem))
	}
	if len(findings) == 0 {
		findings = append(findings, finding{text: fmt.Sprintf("%s: connected since %s, pinned key, planner %s, clock %+d ms",
			at, peer.Since.UTC().Format(time.DateTime), peer.Planner, peer.SkewMillis)})
	}
	return findings
}

// examineStudies compares the versions of each study.
func examineStudies(s *proxy.Status, config *catalog.Config) []finding {
	var findings []finding
	for _, study := range s.Studies {
		if !study.Complete {
			findings = append(findings, wrong("study %s: %s", study.Name, studyProblem(study)))
			continue
		}
		before := len(findings)
		for _, peer := range s.Peers {
			version, said := peer.Epochs[study.Name]
			switch {
			case !peer.Reachable || !takesPart(config, study.Name, peer.Name):
			case !said:
				findings = append(findings, wrong("study %s: it is complete here, but not at %s: its operator sees why with: c2dproxy doctor", study.Name, peer.Name))
			case version != study.Epoch:
				findings = append(findings, wrong("study %s: %s has version %s, this party %s; they tell each other within seconds; if this stays, restart the one whose file is not the newest",
					study.Name, peer.Name, version, study.Epoch))
			}
		}
		if len(findings) == before {
			findings = append(findings, finding{text: fmt.Sprintf("study %s: complete, version %s", study.Name, study.Epoch)})
		}
	}
	return findings
}

// studyProblem is why a study is not complete, without its name a second time.
func studyProblem(study proxy.StudyStatus) string {
	text := words(study.Problem, "not complete")
	return strings.ReplaceAll(strings.TrimPrefix(text, "study "+study.Name+": "), "\n", "; ")
}

// takesPart reports whether a peer is one of a study's three parties.
func takesPart(config *catalog.Config, study, peer string) bool {
	p, err := config.Public(study, noFingerprint)
	return err == nil && slices.Contains(p.Compute[:], peer)
}

// words gives text, or something to say in its place.
func words(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
