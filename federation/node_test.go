package federation

import (
	"testing"
)

func TestQuestion(t *testing.T) {
	t.Parallel()
	w := running(t, nil)
	for gateway := range parties {
		a := w.answers(gateway)
		if len(a.Stats.Traffic) != parties || a.Stats.RowsEntered != 8 || a.Stats.Rounds == 0 {
			t.Errorf("stats %+v", a.Stats)
		}
	}
	for i := range parties {
		eventually(t, "final", func() bool { return w.ledgers[i].count("final") == parties })
		if n := len(w.audits[i].released); n != parties {
			t.Errorf("%s has %d receipts", testNames[i], n)
		}
	}
}
