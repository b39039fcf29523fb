package sqlplan

import (
	"testing"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// TestPinnedSettings holds that no statement makes PostgreSQL read strings otherwise than the gateway does.
func TestPinnedSettings(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"SET standard_conforming_strings = off":                                                 "0A000",
		"SET LOCAL standard_conforming_strings TO 'OFF'":                                        "0A000",
		"SET SESSION \"Standard_Conforming_Strings\" = false":                                   "0A000",
		"SET standard_conforming_strings = 0":                                                   "0A000",
		"SET standard_conforming_strings = on":                                                  "",
		"SET standard_conforming_strings TO DEFAULT":                                            "",
		"RESET standard_conforming_strings":                                                     "",
		"SELECT set_config('standard_conforming_strings', 'off', false)":                        "0A000",
		"SELECT set_config(U&'\\0073tandard_conforming_strings', 'f', true)":                    "0A000",
		"SELECT set_config('standard_conforming_'||'strings', 'off', true)":                     "0A000",
		"SELECT 1 WHERE pg_catalog.\"set_config\"(NULL, 'off', true) = ''":                      "0A000",
		"PREPARE p(text) AS SELECT set_config($1, 'off', false)":                                "0A000",
		"SELECT set_config('standard_conforming_strings', x, false) FROM (VALUES ('off')) v(x)": "0A000",
		"SELECT pg_catalog.set_config('search_path', '', false)":                                "",
		"SELECT set_config('standard_conforming_strings'::text, 'on', false)":                   "",
		"SET array_nulls = off":                                                                 "0A000",
		"SET array_nulls = on":                                                                  "",
		"SET transform_null_equals = on":                                                        "0A000",
		"SET c2d.epsilon = 0.5":                                                                 "",
		"SET LOCAL C2D.Mode = 'dummy'":                                                          "",
		"SET c2d.mod = 'dummy'":                                                                 "42704",
		"SET c2d.epsilom TO 1":                                                                  "42704",
		"SELECT set_config('c2d.Epsilom', '1', false)":                                          "42704",
		"SET other.mod = 'dummy'":                                                               "",
		"SET TIME ZONE 'UTC'":                                                                   "",
	} {
		_, err := Rewrite(&catalog.Study{}, "mia@clinic", text, nil)
		got := ""
		if e, ok := pgerr.As(err); ok {
			got = string(e.Code)
		}
		if got != want {
			t.Errorf("%s: %v, expected %q", text, err, want)
		}
	}
}
