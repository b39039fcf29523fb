package program

// Uses counts the reads of each of registers registers in a schedule.
func Uses(batches []Batch, registers int) []int {
	uses := make([]int, registers)
	for _, b := range batches {
		for _, op := range b.Ops {
			for _, r := range Reads(op) {
				uses[r]++
			}
		}
	}
	return uses
}

// LastUse counts an instruction's reads down in uses and lists the registers that nothing
// reads any more: among what it read, and what it defined that nothing reads at all.
func LastUse(op Op, uses []int) []Reg {
	var dead []Reg
	for _, r := range Reads(op) {
		if uses[r]--; uses[r] == 0 {
			dead = append(dead, r)
		}
	}
	for _, r := range defines(op) {
		if uses[r] == 0 {
			dead = append(dead, r)
		}
	}
	return dead
}

// Defines lists the registers that an instruction defines.
func Defines(op Op) []Reg { return defines(op) }
