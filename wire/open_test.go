package wire

import (
	"testing"

	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// TestSettingsAtStart: a setting is looked at wherever a client may begin with it.
func TestSettingsAtStart(t *testing.T) {
	t.Parallel()
	o := Options{Setting: func(name string) error {
		if name == "c2d.mod_e" {
			return pgerr.New("42704", "no")
		}
		return nil
	}}
	for name, c := range map[string]struct {
		settings map[string]string
		refused  bool
	}{
		"a parameter":   {map[string]string{"c2d.mod_e": "dummy"}, true},
		"-c":            {map[string]string{"options": "-c c2d.mod_e=dummy"}, true},
		"-c at the end": {map[string]string{"options": "-c geqo=off  -cc2d.mod_e=dummy"}, true},
		"--":            {map[string]string{"options": "--c2d.mod-e=dummy"}, true},
		"a value":       {map[string]string{"options": "-c application_name=c2d.mod_e", "application_name": "c2d.mod_e"}, false},
		"none":          {nil, false},
	} {
		if err := o.settings(c.settings); (err != nil) != c.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := (&Options{}).settings(map[string]string{"c2d.mod_e": "dummy"}); err != nil {
		t.Error(err)
	}
}
