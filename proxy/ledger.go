package proxy

import (
	"crypto/ed25519"
	"errors"
	"path/filepath"
	"time"

	"github.com/c2dproxy/c2dproxy/catalog"
	"github.com/c2dproxy/c2dproxy/dp/ledger"
)

// entryTag separates signatures under ledger entries from all others of the party's key.
const entryTag = "c2dproxy ledger entry v1\x00"

// LedgerPath is where a party's ledger lies.
func LedgerPath(config *catalog.Config) string { return filepath.Join(config.StateDir, "ledger.db") }

// OpenLedger opens a party's ledger. Each entry is signed with the party's identity, and one
// that is not, or by another key, is refused: who can write the file but not use the key cannot
// give back what was spent.
func OpenLedger(config *catalog.Config, readOnly bool) (*ledger.Ledger, error) {
	key, err := catalog.ReadKey(config.KeyFile)
	if err != nil {
		return nil, err
	}
	return openLedger(LedgerPath(config), config.Party, key, time.Now, readOnly)
}

// openLedger is OpenLedger for a key that was read already, by a given clock.
func openLedger(path, party string, key ed25519.PrivateKey, clock func() time.Time, readOnly bool) (*ledger.Ledger, error) {
	public := key.Public().(ed25519.PublicKey)
	return ledger.Open(path, ledger.Options{
		Owner: party, Clock: clock, ReadOnly: readOnly,
		Sign: func(hash [32]byte) ([]byte, error) {
			return ed25519.Sign(key, append([]byte(entryTag), hash[:]...)), nil
		},
		Key: public,
		Check: func(key []byte, hash [32]byte, signature []byte) error {
			if len(key) != ed25519.PublicKeySize || !ed25519.Verify(key, append([]byte(entryTag), hash[:]...), signature) {
				return errors.New("not by this party's identity key")
			}
			return nil
		},
	})
}

// HandOver gives a party's ledger to a new identity key, which signs it from then on (see ledger.HandOver). The party must
// be stopped.
func HandOver(config *catalog.Config, key ed25519.PrivateKey) error {
	l, err := OpenLedger(config, false)
	if err != nil {
		return err
	}
	return errors.Join(l.HandOver(key.Public().(ed25519.PublicKey), func(text [32]byte) ([]byte, error) {
		return ed25519.Sign(key, append([]byte(entryTag), text[:]...)), nil
	}), l.Close())
}
