package sqlplan

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"reflect"
)

// Canonical is the plan's one byte form: equal plans and only they have equal bytes. Each value is
// tagged, lengths precede contents, struct fields come in declared order.
func (p *Plan) Canonical() []byte {
	var w bytes.Buffer
	w.WriteString("c2dproxy plan " + Version + "\n")
	canonical(&w, reflect.ValueOf(*p))
	return w.Bytes()
}

// Hash is SHA-256 of Canonical; parties compare it.
func (p *Plan) Hash() [32]byte { return sha256.Sum256(p.Canonical()) }

// LeakageHash is SHA-256 of who learns what and of what may leave; parties sign it.
func (p *Plan) LeakageHash() [32]byte {
	var w bytes.Buffer
	w.WriteString("c2dproxy leakage " + Version + "\n")
	canonical(&w, reflect.ValueOf(p.Leakage))
	canonical(&w, reflect.ValueOf(p.Release))
	return sha256.Sum256(w.Bytes())
}

// canonical writes a value. Maps, channels, functions and floats do not occur in plans.
func canonical(w *bytes.Buffer, v reflect.Value) {
	number := func(tag byte, n uint64) {
		w.WriteByte(tag)
		w.Write(binary.BigEndian.AppendUint64(nil, n))
	}
	switch v.Kind() {
	case reflect.Bool:
		n := uint64(0)
		if v.Bool() {
			n = 1
		}
		number('b', n)
	case reflect.Int, reflect.Int64, reflect.Int32:
		number('i', uint64(v.Int()))
	case reflect.Uint8, reflect.Uint32, reflect.Uint64:
		number('u', v.Uint())
	case reflect.String:
		number('s', uint64(v.Len()))
		w.WriteString(v.String())
	case reflect.Slice, reflect.Array:
		number('l', uint64(v.Len()))
		for i := range v.Len() {
			canonical(w, v.Index(i))
		}
	case reflect.Pointer:
		if v.IsNil() {
			w.WriteByte('n')
			return
		}
		w.WriteByte('p')
		canonical(w, v.Elem())
	case reflect.Interface: // program.Op: a closed set of structs, told apart by name
		name := v.Elem().Type().Name()
		number('o', uint64(len(name)))
		w.WriteString(name)
		canonical(w, v.Elem())
	case reflect.Struct:
		number('t', uint64(v.NumField()))
		for i := range v.NumField() {
			canonical(w, v.Field(i))
		}
	default:
		panic(fmt.Sprintf("unreachable: plans have no %v", v.Kind()))
	}
}
