package mpctest

import "github.com/c2dproxy/c2dproxy/mpc/program"

// relational are the instructions of [Operators] on whole tables.
func relational(rows int) []program.Op {
	const r = firstOwn
	list := func(regs ...program.Reg) []program.Reg { return regs }
	both := list(RegBits, RegWords)
	return []program.Op{
		program.IotaBits{N: rows, Width: 20, Out: r},
		program.Flags{N: rows, From: 1, To: rows / 2, Out: r},
		program.Every{A: RegWords, From: 1, Step: 3, Out: r},
		program.PrefixXor{A: RegBits, Out: r},
		program.Pack{Keys: []program.Key{{A: RegBits, Signed: true}, {A: RegMore, Descending: true}}, From: 3, To: 12, Out: r},
		program.Broadcast{Starts: RegBit, First: both, Last: both, OutFirst: list(r, r+1), OutLast: list(r+2, r+3)},
		program.Window{Starts: RegBit, Peers: RegBit, Functions: []program.WindowFunction{
			{Kind: program.WindowRank, Out: r}, {Kind: program.WindowPeerSum, A: RegWords, Out: r + 1}, {Kind: program.WindowLast, A: RegBits, Out: r + 2}}},
		program.Lag{Starts: RegBit, By: 3, A: list(RegWords), Default: list(RegOthers), Out: list(r)},
		program.Lead{Starts: RegBit, By: 2, A: list(RegBits), Default: list(RegMore), Out: list(r)},
		program.Leading{Starts: RegBit, K: 3, Out: r},
		program.TopK{Keys: []program.Key{{A: RegBits, Descending: true}}, K: 3, A: both, Out: list(r, r+1)},
		program.Quantile{Counts: RegOthers, Num: 1, Den: 2, Out: r, Valid: r + 1},
		program.GroupQuantile{Starts: RegBit, Weight: RegOthers, A: RegWords, Num: 1, Den: 2, Out: r},
		program.Distinct{Keys: list(RegBits, RegMore), Valid: RegBit, Out: r},
		program.CountDistinct{Keys: list(RegUnique), Valid: RegBit, Out: r},
		program.Suppress{Valid: RegBit, Count: RegOthers, AtLeast: 3, A: both, Pad: 2, Out: list(r, r+1), Keep: r + 2},
		program.NotIn{Match: RegBit, NotNull: RegBit, Empty: RegOneBit, HasNull: RegOneBit, Out: r, Null: r + 1},
		program.Slots{Match: RegBit, Present: list(RegOthers, RegWords), Columns: [][]program.Reg{{RegWords, RegOthers}}, Left: true, Out: list(r), Rows: r + 1},
		program.MergeJoin{Left: list(RegUnique), Right: list(RegUnique), LeftValid: RegBit, RightValid: RegBit, A: both, Out: list(r, r+1), Match: r + 2, Matched: r + 3},
		program.Join{Kind: program.FullJoin, Left: list(RegUnique), Right: list(RegUnique), LeftValid: RegBit, RightValid: RegBit, LeftMatchable: RegBit, RightMatchable: RegBit,
			LeftColumns: both, RightColumns: both, OutLeft: list(r, r+1), OutRight: list(r+2, r+3), HasLeft: r + 4, HasRight: r + 5, Valid: r + 6},
		program.RepeatRows{Count: RegOthers, Rows: rows, A: both, Out: list(r, r+1), Valid: r + 2},
		program.ExpandJoin{Left: list(RegUnique), Right: list(RegUnique), LeftValid: RegBit, RightValid: RegBit, LeftColumns: list(RegWords), RightColumns: list(RegBits),
			Rows: rows / 2, OutLeft: list(r), OutRight: list(r + 1), Valid: r + 2, Total: r + 3},
	}
}
