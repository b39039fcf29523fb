package mpc

import (
	"crypto/aes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/c2dproxy/c2dproxy/mpc/internal/okvs"
)

// TestMAC checks the test vectors of RFC 4493, §4.
func TestMAC(t *testing.T) {
	t.Parallel()
	key, _ := hex.DecodeString("2b7e151628aed2a6abf7158809cf4f3c")
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	msg, _ := hex.DecodeString("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51" +
		"30c81c46a35ce411e5fbc1191a0a52eff69f2445df4f9b17ad2b417be66c3710")
	m := newMAC(block)
	for n, want := range map[int]string{
		0:  "bb1d6929e95937287fa37d129b756746",
		16: "070a16b46b4d4144f79bdd9dd04a287c",
		40: "dfa66747de9ae63030ca32611497c827",
		64: "51f0bebf7e3b9d92fc49741779363cfe",
	} {
		var got [16]byte
		if m.sum(msg[:n], &got); hex.EncodeToString(got[:]) != want {
			t.Errorf("CMAC of %d bytes is %x, want %s", n, got, want)
		}
	}
}

// TestLookupKey holds that tags and masks depend on secret and key, that a longer mask
// extends a shorter one.
func TestLookupKey(t *testing.T) {
	t.Parallel()
	seen := map[uint64]bool{}
	for _, secret := range []string{"one", "two"} {
		k, err := newLookupKey(sha256.Sum256([]byte(secret)))
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"", "a", "a\x80", "0123456789abcdef", "0123456789abcdef0"} {
			out, short := make([]uint64, 9), make([]uint64, 5)
			k.derive([]byte(key), out[:2], out[2:])
			k.derive([]byte(key), short[:2], short[2:])
			for i, w := range out {
				if seen[w] {
					t.Fatalf("secret %s, key %q: word %d occurred before", secret, key, i)
				}
				seen[w] = true
				if i < len(short) && short[i] != w {
					t.Fatalf("word %d depends on the length of the mask", i)
				}
			}
		}
	}
}

// TestLookupSecretsDoNotPrint holds that what a lookup keeps prints as a placeholder.
func TestLookupSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	k, err := newLookupKey([32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []any{k, *k, probes{tags: []uint64{4242}}, lookupHalf{check: []uint64{4242}}, found{}} {
		var log strings.Builder
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		for _, text := range []string{fmt.Sprint(v), fmt.Sprintf("%+v", v), fmt.Sprintf("%#v", v), fmt.Sprintf("%d %x", v, v), log.String()} {
			if !strings.Contains(text, "[lookup secret]") || strings.ContainsAny(text, "{}&") {
				t.Errorf("%T prints as %q", v, text)
			}
		}
		if _, err := json.Marshal(v); err == nil {
			t.Errorf("%T is serialised", v)
		}
	}
}

// TestPaddedStore holds that a store is made of the declared number of pairs whatever the number of
// keys, that keys are found in it, and that no pad is a constant.
func TestPaddedStore(t *testing.T) {
	t.Parallel()
	k, err := newLookupKey([32]byte{3})
	if err != nil {
		t.Fatal(err)
	}
	fresh, err := newStream([32]byte{4})
	if err != nil {
		t.Fatal(err)
	}
	const rows, width = 90, 3
	for _, n := range []int{0, 1, 89, 90} {
		keys := make([][]byte, n)
		for i := range keys {
			keys[i] = []byte{byte(i)}
		}
		tags, values := sealed(k, keys, [][]uint64{make([]uint64, n), make([]uint64, n)})
		tags, values = padded(tags, values, rows, width, fresh.fill)
		if len(tags) != 2*rows || len(values) != width*rows || !distinct(tags) {
			t.Fatalf("%d keys: %d words of tags, %d of values", n, len(tags), len(values))
		}
		seen := map[uint64]bool{0: true}
		for _, w := range append(slices.Clone(tags), values...) {
			if seen[w] {
				t.Fatalf("%d keys: a word occurs twice, or is zero", n)
			}
			seen[w] = true
		}
		shape, err := okvs.ShapeFor(rows)
		if err != nil {
			t.Fatal(err)
		}
		e, err := okvs.Hash(shape, okvs.Seed{1}, tags)
		if err != nil {
			t.Fatal(err)
		}
		slots := make([]uint64, shape.Slots()*width)
		if singular, err := store(e, values, width, streamReader{fresh}, slots); singular || err != nil {
			t.Fatal(singular, err)
		}
		x := probe(k, keys, n, width, nil)
		if e, err = okvs.Hash(shape, okvs.Seed{1}, x.tags); err != nil {
			t.Fatal(err)
		}
		y := make([]uint64, n*width)
		if err := e.Decode(slots, width, y); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(y, x.masks) { // the fields are zero
			t.Fatalf("%d keys: not found", n)
		}
	}
}

// TestSingularStore is the path of RULES 8 that nobody will ever see: more keys than a
// store has slots. It is said to the build owner, and no row matches.
func TestSingularStore(t *testing.T) {
	t.Parallel()
	k, err := newLookupKey([32]byte{1})
	if err != nil {
		t.Fatal(err)
	}
	source := rand.NewChaCha8([32]byte{2})
	const n, width = 50, 2
	keys, field := make([][]byte, n), make([]uint64, n)
	for i := range keys {
		keys[i] = []byte{byte(i)}
	}
	for _, c := range []struct {
		slots    int
		singular bool
	}{{n - 1, true}, {n + 40, false}} {
		shape := okvs.Shape{Dense: c.slots}
		tags, values := sealed(k, keys, [][]uint64{field})
		e, err := okvs.Hash(shape, okvs.Seed{}, tags)
		if err != nil {
			t.Fatal(err)
		}
		slots := make([]uint64, c.slots*width)
		singular, err := store(e, values, width, source, slots)
		if err != nil || singular != c.singular {
			t.Fatalf("%d slots: singular %v, %v", c.slots, singular, err)
		}
		x := probe(k, keys, n, width, nil)
		y := make([]uint64, n*width)
		if err := e.Decode(slots, width, y); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if match := y[width*i] == x.masks[width*i]; match == singular {
				t.Fatalf("%d slots: row %d matches: %v", c.slots, i, match)
			}
		}
	}
}

// BenchmarkLookupKey is the work of one owner for 131,072 keys of 8 bytes and two words of mask.
func BenchmarkLookupKey(b *testing.B) {
	k, err := newLookupKey([32]byte{1})
	if err != nil {
		b.Fatal(err)
	}
	out := make([]uint64, 4)
	key := make([]byte, 8)
	for b.Loop() {
		for i := range 131072 {
			key[0], key[1], key[2] = byte(i), byte(i>>8), byte(i>>16)
			k.derive(key, out[:2], out[2:])
		}
	}
}
