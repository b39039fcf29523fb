package federation

import (
	"github.com/c2dproxy/c2dproxy/internal/pgerr"
)

// Receipt is what an owner can later prove of a release (RULES 23): the gateway's
// signature under the hash of the batch that it opened, and this party's acknowledgement.
// The batch itself stays at the gateway. [Receipt.Verify] needs nothing but the receipt and
// the gateway's pin: the execution id is a hash of plan, participants and nonces.
type Receipt struct {
	Execution        ExecutionID
	Batch            [32]byte
	Gateway          string
	GatewayKey       []byte // ed25519; checked against the pin
	GatewaySignature []byte
	Party            string
	Signature        []byte
}

// Verify checks that the gateway, whose key has that pin, signed the release of the batch.
func (r *Receipt) Verify(pin string) error {
	if !signedBy(pin, r.GatewayKey, releaseText(r.Execution, r.Batch, r.Gateway), r.GatewaySignature) {
		return pgerr.New(pgerr.ObjectNotInState, "the release of gateway %q is not signed by it", r.Gateway)
	}
	return nil
}

// batchHash hashes the released rows of an execution.
func batchHash(id ExecutionID, rows [][]*string) digest {
	t := newTranscript(tagBatch)
	t.bytes(id[:])
	t.number(uint64(len(rows)))
	for _, row := range rows {
		t.number(uint64(len(row)))
		for _, v := range row {
			t.optional(v)
		}
	}
	return t.sum()
}

// releaseText is what the gateway signs.
func releaseText(id ExecutionID, batch digest, gateway string) digest {
	t := newTranscript(tagRelease)
	t.bytes(id[:])
	t.bytes(batch[:])
	t.text(gateway)
	return t.sum()
}

// receiptText is what a participant signs: the gateway's release and its signature.
func receiptText(release digest, gatewaySignature []byte, party string) digest {
	t := newTranscript(tagReceipt)
	t.bytes(release[:])
	t.bytes(gatewaySignature)
	t.text(party)
	return t.sum()
}
