package shadow_test

import (
	"reflect"
	"testing"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/catalog/shadow"
)

// TestProfileOf holds what grants and visibility make visible.
func TestProfileOf(t *testing.T) {
	t.Parallel()
	st := study()
	mia, eve := shadow.ProfileOf(st, "mia@clinic"), shadow.ProfileOf(st, "eve@clinic")
	want := shadow.Profile{Tables: []shadow.ProfileTable{
		{Name: "cohort", Columns: []string{"pid", "at"}, Preset: catalog.Statistics, Release: catalog.ReleaseDP},
		{Name: "measurements", Columns: []string{"id", "test", "value"}, Preset: catalog.Statistics, Release: catalog.ReleaseDP},
		{Name: "patients", Columns: []string{"id", "age", "sex", "weight", "born", "flag"}, Preset: catalog.Statistics, Release: catalog.ReleaseDP},
	}}
	if !reflect.DeepEqual(mia, want) {
		t.Errorf("mia sees %+v", mia)
	}
	// cohort needs the grant of both its owners.
	if len(eve.Tables) != 1 || eve.Tables[0].Name != "patients" {
		t.Errorf("eve sees %+v", eve)
	}
	if other := shadow.ProfileOf(st, "mia"); len(other.Tables) != 0 {
		t.Errorf("a login without its gateway sees %+v", other)
	}
	if mia.Key() == eve.Key() || mia.Key() != shadow.ProfileOf(study(), "mia@clinic").Key() {
		t.Error("keys do not tell profiles apart")
	}
	if got := shadow.ProfileOf(&catalog.Study{Tables: []catalog.Table{{Name: "t"}}}, "mia@clinic"); len(got.Tables) != 0 {
		t.Errorf("a table without owners shows: %+v", got)
	}
}
