package dp_test

import (
	"fmt"

	"github.com/c2dproxy/c2dproxy/dp"
)

// A question for the mean of a column with bounds 0 to 200 spends half its ε on a sum and half
// on a count; a person is in at most two groups, once in each.
func Example() {
	epsilon, err := dp.ParseEpsilon("0.5")
	if err != nil {
		fmt.Println(err)
		return
	}
	part, err := dp.Split(epsilon, 2)
	if err != nil {
		fmt.Println(err)
		return
	}
	person := dp.Contribution{Partitions: 1, Groups: 2, RowsPerGroup: 1}
	mid, reach, err := dp.Centre(0, 200)
	if err != nil {
		fmt.Println(err)
		return
	}
	l1, err := person.L1(reach)
	if err != nil {
		fmt.Println(err)
		return
	}
	draw := dp.Laplace{Epsilon: part, Sensitivity: l1}
	width, err := draw.HalfWidth95()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("sum of differences from %d: epsilon %v, sensitivity %d, within %d\n", mid, draw.Epsilon, l1, width)
	// Output:
	// sum of differences from 100: epsilon 0.25, sensitivity 200, within 2397
}
