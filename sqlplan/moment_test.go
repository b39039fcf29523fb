package sqlplan

import "testing"

// TestParseMoment holds that the zone and the time that tools write (Grafana's $__timeFilter) mean what they mean in PostgreSQL.
func TestParseMoment(t *testing.T) {
	t.Parallel()
	o := startOracle(t, 1)
	for _, text := range []string{"2013-04-13", "2013-04-13 07:08", "2013-04-13T00:00:00Z", "2013-04-13T23:59:59.999+02:00", "2013-04-13 23:00:00-05",
		"1969-12-31T12:00:00Z", "1900-02-28T23:59:59.5-03:30", "2013-04-13 07:08:09.1234567", "2013-04-13 23:59:59.9999996",
		"1900-02-28 23:59:59.9999996", "1960-04-13 07:08:09.0000004"} {
		for _, k := range []kind{date, timestamp, timestamptz} {
			n, ok := parseMoment(k, text)
			if !ok {
				t.Errorf("%s as %s is not read", text, k)
				continue
			}
			unit := "1000000 * extract(epoch FROM $1::" + k.sql() + ")"
			if k == date {
				unit = "$1::date - date '1970-01-01'"
			}
			var want int64
			if err := o.conn.QueryRow(t.Context(), "SELECT ("+unit+")::bigint", text).Scan(&want); err != nil {
				t.Fatal(err)
			}
			if n != want {
				t.Errorf("%s as %s is %d, PostgreSQL: %d", text, k, n, want)
			}
		}
	}
	for _, text := range []string{"", "13 April", "2013-04-13 25:00", "2013-04-13T00:00:00 Europe/Berlin", "infinity", "2013-04-13 07:08:09,5", "0000-04-13"} {
		if n, ok := parseMoment(timestamp, text); ok {
			t.Errorf("%q is read as %d", text, n)
		}
	}
}
