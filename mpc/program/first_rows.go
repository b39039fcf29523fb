package program

// longerKey is a key with more rows behind, which come last: all ones, as no row of it is.
func (d *draft) longerKey(key orderKey, more int) orderKey {
	return key.apply(func(r Reg) Reg {
		if more == 0 {
			return r
		}
		return d.concat(r, d.not(d.zeros(r, more)))
	})
}

// firstRows is the first k rows of a key and of columns, and some more, in order: in blocks of
// 3·k + 1 rows the first k are found, again and again, until few are left.
func (d *draft) firstRows(k int, key orderKey, columns []Reg) (orderKey, []Reg) {
	for d.err == nil {
		n := d.rows(key[0])
		blocks, size := 1, n
		if n > countedRows {
			size = 3*k + 1
			blocks = (n + size - 1) / size
		}
		more := size*blocks - n
		key = d.longerKey(key, more)
		rows := append([]Reg{}, key...)
		for _, r := range columns {
			rows = append(rows, d.longer(r, more))
		}
		rows = d.scatter(d.places(key, blocks), rows)
		if key, columns = rows[:len(key)], rows[len(key):]; blocks == 1 {
			break
		}
		for i, r := range rows {
			rows[i] = d.slice(r, 0, k*blocks)
		}
	}
	return key, columns
}

// kth is row k in the order of a key, by a tournament until blockedRows are left.
func (d *draft) kth(k int, key orderKey) orderKey {
	length, n := 1<<depth(k), d.rows(key[0])
	lists := 1 << depth((n+length-1)/length)
	key = d.longerKey(key, length*lists-n)
	rows := make([]orderKey, length) // row i of all lists
	for i := range rows {
		rows[i] = key.apply(func(r Reg) Reg { return d.slice(r, i*lists, (i+1)*lists) })
	}
	for size := 2; size <= length; size *= 2 {
		for apart := size / 2; apart >= 1; apart /= 2 {
			d.exchange(rows, apart, size)
		}
	}
	for ; length*lists > blockedRows; lists /= 2 {
		next := make([]orderKey, length)
		for i := range rows {
			a := rows[i].apply(func(r Reg) Reg { return d.slice(r, 0, lists/2) })
			b := rows[length-1-i].apply(func(r Reg) Reg { return d.slice(r, lists/2, lists) })
			next[i], _ = d.ordered(a, b)
		}
		rows = next
		for apart := length / 2; apart >= 1; apart /= 2 {
			d.exchange(rows, apart, 0)
		}
	}
	left := make(orderKey, len(key))
	for i := range left {
		parts := make([]Reg, length)
		for j := range parts {
			parts[j] = rows[j][i]
		}
		left[i] = d.concat(parts...)
	}
	first, _ := d.firstRows(k, left, nil)
	return first.apply(func(r Reg) Reg { return d.slice(r, k-1, k) })
}

// exchange is one stage of a bitonic sort: rows apart from each other are put in order,
// descending where the row's bit of size is set.
func (d *draft) exchange(rows []orderKey, apart, size int) {
	for i := range rows {
		j := i ^ apart
		if j < i {
			continue
		}
		a, b := d.ordered(rows[i], rows[j])
		if i&size != 0 {
			a, b = b, a
		}
		rows[i], rows[j] = a, b
	}
}

// ordered is the earlier and the later of two rows.
func (d *draft) ordered(a, b orderKey) (first, second orderKey) {
	swap := d.before(b, a)
	first, second = make(orderKey, len(a)), make(orderKey, len(a))
	for i := range a {
		both := d.xor(a[i], b[i])
		first[i] = d.xor(a[i], d.and(swap, both))
		second[i] = d.xor(first[i], both)
	}
	return first, second
}
