package proxy

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"time"
)

// revocations are the lists of revoked certificates of one file.
type revocations []*x509.RevocationList

// readRevocations reads the lists of a file, PEM or one DER. Partial lists are refused: who reads one as
// if it were whole lets revoked certificates in.
func readRevocations(path string) (revocations, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var encoded [][]byte
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type == "X509 CRL" {
			encoded = append(encoded, block.Bytes)
		}
	}
	if len(encoded) == 0 {
		encoded = [][]byte{text}
	}
	var lists revocations
	for _, der := range encoded {
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			return nil, fmt.Errorf("%s is not a list of revoked certificates, PEM or DER: %w", path, err)
		}
		if err := whole(list); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		lists = append(lists, list)
	}
	return lists, nil
}

// whole refuses a list with extensions that have to be understood: delta lists, lists of some certificates only,
// lists for other issuers.
func whole(list *x509.RevocationList) error {
	for _, e := range list.Extensions {
		if e.Critical {
			return fmt.Errorf("the list of %s has the critical extension %s: delta and partial lists are not supported", list.Issuer, e.Id)
		}
	}
	for _, entry := range list.RevokedCertificateEntries {
		for _, e := range entry.Extensions {
			if e.Critical {
				return fmt.Errorf("the list of %s has an entry with the critical extension %s, which is not supported", list.Issuer, e.Id)
			}
		}
	}
	return nil
}

// check accepts a connection one of whose chains is not revoked, as PostgreSQL does: each certificate below the root needs a
// valid and current list of its issuer that does not name it. No list is no permission.
func (r revocations) check(state tls.ConnectionState, now time.Time) error {
	if len(state.PeerCertificates) == 0 {
		return nil
	}
	err := errors.New("no verified chain")
	for _, chain := range state.VerifiedChains {
		if err = r.chain(chain, now); err == nil {
			return nil
		}
	}
	return &tls.CertificateVerificationError{UnverifiedCertificates: state.PeerCertificates, Err: err}
}

// chain checks one chain, leaf first.
func (r revocations) chain(chain []*x509.Certificate, now time.Time) error {
	for i := range max(1, len(chain)-1) {
		if err := r.certificate(chain[i], chain[min(i+1, len(chain)-1)], now); err != nil {
			return err
		}
	}
	return nil
}

// certificate checks one certificate against the lists of its issuer.
func (r revocations) certificate(certificate, issuer *x509.Certificate, now time.Time) error {
	current := false
	for _, list := range r {
		if !bytes.Equal(list.RawIssuer, issuer.RawSubject) || list.CheckSignatureFrom(issuer) != nil {
			continue
		}
		for _, entry := range list.RevokedCertificateEntries {
			if entry.SerialNumber.Cmp(certificate.SerialNumber) == 0 {
				return fmt.Errorf("the certificate %s of %s is revoked", certificate.SerialNumber, certificate.Subject)
			}
		}
		if !now.Before(list.ThisUpdate) && now.Before(list.NextUpdate) {
			current = true
		}
	}
	if !current {
		return fmt.Errorf("client_crl_file has no current list of %s", issuer.Subject)
	}
	return nil
}
