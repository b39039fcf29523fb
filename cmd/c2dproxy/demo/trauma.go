package demo

import (
	"math"
	"math/rand/v2"
	"strconv"
	"time"
)

// center is one level-1 trauma center of the generated study.
type center struct {
	daily float64 // mean arrivals on a weekday
	blast int     // arrivals after the explosions of 15 April 2013
}

// centers are the three centers, in the order of the demo's parties.
var centers = [3]center{
	{daily: 8, blast: 39},
	{daily: 6, blast: 31},
	{daily: 5, blast: 28},
}

// mechanisms and their share of ordinary arrivals in percent.
var mechanisms = []struct {
	name    string
	percent int
}{{"fall", 45}, {"mvc", 30}, {"stab", 8}, {"other", 8}, {"gsw", 6}, {"burn", 3}}

// traumaCase is one row of a center's table cases.
type traumaCase struct {
	id          int
	patient     int
	arrived     time.Time
	mechanism   string
	severity    int // injury severity score, 1 to 75
	disposition string
}

// traumaCases generates April 2013 at the three centers from a fixed seed: Poisson
// arrivals with a diurnal course and quieter weekends, log-normal severity, 3 % of patients
// transferred to a second center under the same patient number, and the surge after the
// explosions at 14:49 on 15 April.
func traumaCases() [3][]traumaCase {
	random := rand.New(rand.NewPCG(2013, 415))
	var cases [3][]traumaCase
	patient := 100000
	for day := range 30 {
		midnight := time.Date(2013, time.April, 1+day, 0, 0, 0, 0, time.UTC)
		for c, center := range centers {
			arrivals := poisson(random, center.daily*weekday(midnight))
			for range arrivals {
				patient++
				cases[c] = append(cases[c], traumaCase{
					patient: patient, arrived: midnight.Add(diurnal(random)),
					mechanism: ordinary(random), severity: severity(random, 2.0),
				})
			}
			if midnight.Day() == 15 {
				for range center.blast {
					patient++
					after := time.Duration(random.ExpFloat64()*45) * time.Minute
					cases[c] = append(cases[c], traumaCase{
						patient: patient, arrived: midnight.Add(14*time.Hour + 58*time.Minute + min(after, 8*time.Hour)),
						mechanism: "blast", severity: severity(random, 2.3),
					})
				}
			}
		}
	}
	transfer(random, &cases)
	for c := range cases {
		for i := range cases[c] {
			cases[c][i].id = (c+1)*100000 + i
			cases[c][i].disposition = disposition(random, cases[c][i].severity)
		}
	}
	return cases
}

// transfer sends 3 % of the patients on to the next center a few hours later, where they
// are a case again under the same patient number.
func transfer(random *rand.Rand, cases *[3][]traumaCase) {
	end := time.Date(2013, time.May, 1, 0, 0, 0, 0, time.UTC)
	var moved [3][]traumaCase
	for c := range cases {
		for _, one := range cases[c] {
			again := one
			again.arrived = one.arrived.Add(time.Duration(60+random.IntN(600)) * time.Minute)
			if random.IntN(100) < 3 && again.arrived.Before(end) {
				moved[(c+1)%3] = append(moved[(c+1)%3], again)
			}
		}
	}
	for c := range moved {
		cases[c] = append(cases[c], moved[c]...)
	}
}

// weekday is the share of a weekday's arrivals that a day has.
func weekday(day time.Time) float64 {
	if d := day.Weekday(); d == time.Saturday || d == time.Sunday {
		return 0.8
	}
	return 1
}

// diurnal draws a time of day that peaks in the late afternoon.
func diurnal(random *rand.Rand) time.Duration {
	for {
		hour := random.Float64() * 24
		if random.Float64() < 0.55+0.45*math.Cos((hour-17)/24*2*math.Pi) {
			return time.Duration(hour * float64(time.Hour)).Truncate(time.Minute)
		}
	}
}

// ordinary draws the mechanism of an arrival.
func ordinary(random *rand.Rand) string {
	at := random.IntN(100)
	for _, m := range mechanisms {
		if at -= m.percent; at < 0 {
			return m.name
		}
	}
	return "other"
}

// severity draws an injury severity score, log-normal about mu.
func severity(random *rand.Rand, mu float64) int {
	return min(75, max(1, int(math.Exp(mu+0.7*random.NormFloat64()))))
}

// disposition draws where a patient goes, by severity.
func disposition(random *rand.Rand, severity int) string {
	switch at := random.IntN(100); {
	case severity > 50 && at < 40:
		return "died"
	case severity > 15 || at < 10:
		return "intensive care"
	case at < 60:
		return "ward"
	default:
		return "home"
	}
}

// poisson draws by multiplication of uniforms (Knuth); the means here are small.
func poisson(random *rand.Rand, mean float64) int {
	limit, product, n := math.Exp(-mean), random.Float64(), 0
	for product > limit {
		product *= random.Float64()
		n++
	}
	return n
}

// row gives the case as the fields of a CSV line.
func (c traumaCase) row() []string {
	return []string{
		strconv.Itoa(c.id), strconv.Itoa(c.patient), c.arrived.Format("2006-01-02 15:04:05"),
		c.mechanism, strconv.Itoa(c.severity), c.disposition,
	}
}
