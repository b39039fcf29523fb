package program_test

import (
	"fmt"

	"github.com/c2dproxy/c2dproxy/mpc/program"
)

// Two owners enter counts of two groups; a group is released where at least five persons
// are behind it.
func Example() {
	p := program.Program{Ops: []program.Op{
		program.InputArith{Party: 0, From: program.Input{Task: 0, Column: 0}, N: 2, Out: 0},
		program.InputArith{Party: 1, From: program.Input{Task: 1, Column: 0}, N: 2, Out: 1},
		program.Add{A: 0, B: 1, Out: 2},
		program.GreaterEqual{A: 2, Bound: 5, Out: 3},
		program.Constant{Values: []uint64{0, 0}, Out: 4},
		program.Select{Bit: 3, A: 2, B: 4, Out: 5},
		program.Open{Label: "keep", A: 3, To: 2},
		program.Open{Label: "count", A: 5, To: 2},
	}}
	opened, err := program.Eval(p, program.Inputs{
		0: {Columns: [][]uint64{{1, 40}}},
		1: {Columns: [][]uint64{{2, 2}}},
	}, nil)
	fmt.Println(opened["keep"], opened["count"], err)

	costs, err := program.Cost(p)
	rounds := 0
	for _, c := range costs {
		rounds += c.Rounds
	}
	fmt.Println(rounds, "rounds", err)
	// Output:
	// [0 1] [0 42] <nil>
	// 13 rounds <nil>
}
