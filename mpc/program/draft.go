package program

// draft writes the instructions of a composite: each method appends one and returns the
// register that it defines. After an error nothing is appended, and err says why.
type draft struct {
	*lowering
	err error
}

// do appends instructions that define registers of the program.
func (d *draft) do(ops ...Op) {
	if d.err == nil {
		d.err = d.emit(ops...)
	}
}

// reg appends the instruction that f makes of a fresh register.
func (d *draft) reg(f func(out Reg) Op) Reg {
	out := d.fresh()
	d.do(f(out))
	return out
}

// rows is the length of a register.
func (d *draft) rows(r Reg) int { return d.shapes[r].Rows }

func (d *draft) add(a, b Reg) Reg {
	return d.reg(func(out Reg) Op { return Add{A: a, B: b, Out: out} })
}
func (d *draft) mul(a, b Reg) Reg {
	return d.reg(func(out Reg) Op { return Mul{A: a, B: b, Out: out} })
}
func (d *draft) and(a, b Reg) Reg {
	return d.reg(func(out Reg) Op { return And{A: a, B: b, Out: out} })
}
func (d *draft) xor(a, b Reg) Reg {
	return d.reg(func(out Reg) Op { return Xor{A: a, B: b, Out: out} })
}
func (d *draft) not(a Reg) Reg { return d.reg(func(out Reg) Op { return Not{A: a, Out: out} }) }

// sub is a − b in the group of the registers' kind.
func (d *draft) sub(a, b Reg) Reg {
	if d.shapes[a].Boolean {
		return d.xor(a, b)
	}
	return d.reg(func(out Reg) Op { return Sub{A: a, B: b, Out: out} })
}

// through is the prefix sums of a in the group of its kind.
func (d *draft) through(a Reg) Reg {
	if d.shapes[a].Boolean {
		return d.reg(func(out Reg) Op { return PrefixXor{A: a, Out: out} })
	}
	return d.reg(func(out Reg) Op { return PrefixSum{A: a, Out: out} })
}

func (d *draft) scale(a Reg, factor uint64) Reg {
	return d.reg(func(out Reg) Op { return Scale{A: a, Factor: factor, Out: out} })
}

func (d *draft) slice(a Reg, from, to int) Reg {
	return d.reg(func(out Reg) Op { return Slice{A: a, From: from, To: to, Out: out} })
}

func (d *draft) concat(parts ...Reg) Reg {
	return d.reg(func(out Reg) Op { return Concat{Parts: parts, Out: out} })
}

// down is a moved one or more rows down, zeros in front.
func (d *draft) down(a Reg, by int) Reg {
	return d.reg(func(out Reg) Op { return Shift{A: a, By: min(by, d.rows(a)), Out: out} })
}

// up is a moved one or more rows up, zeros behind.
func (d *draft) up(a Reg, by int) Reg {
	n := d.rows(a)
	if by >= n {
		return d.down(a, n)
	}
	return d.concat(d.slice(a, by, n), d.slice(d.down(a, by), 0, by))
}

// constant is n times a public word.
func (d *draft) constant(value uint64, n int) Reg {
	one := d.reg(func(out Reg) Op { return Constant{Values: []uint64{value}, Out: out} })
	return d.repeat(one, n)
}

func (d *draft) repeat(a Reg, n int) Reg {
	return d.reg(func(out Reg) Op { return Repeat{A: a, N: n, Out: out} })
}

func (d *draft) iota(n int) Reg { return d.reg(func(out Reg) Op { return Iota{N: n, Out: out} }) }

// flags is public bits, 1 in rows from to to-1 of n.
func (d *draft) flags(n, from, to int) Reg {
	return d.reg(func(out Reg) Op { return Flags{N: n, From: from, To: to, Out: out} })
}

// zeros is n rows of zeros of a register's kind and width.
func (d *draft) zeros(like Reg, n int) Reg {
	s := d.shapes[like]
	if !s.Boolean {
		return d.constant(0, n)
	}
	row := d.slice(like, 0, 1)
	return d.repeat(d.xor(row, row), n)
}

// words is a bit as words; no bit is converted twice.
func (d *draft) asWords(bit Reg) Reg {
	if d.err != nil {
		return bit
	}
	var out Reg
	out, d.err = d.word(bit)
	return out
}

// notWords says that a bit is the complement of another, whose words are known: then its own
// cost nothing.
func (d *draft) notWords(bit, complement Reg) {
	d.words[bit] = d.sub(d.constant(1, d.rows(bit)), d.asWords(complement))
}

// gated is a where a bit is 1 and zeros elsewhere, for either kind.
func (d *draft) gated(bit, a Reg) Reg {
	if d.shapes[a].Boolean {
		return d.and(bit, a)
	}
	return d.mul(d.asWords(bit), a)
}

// name makes out another name of a.
func (d *draft) name(a, out Reg) { d.do(Slice{A: a, From: 0, To: d.rows(a), Out: out}) }
