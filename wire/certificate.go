package wire

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"strings"
)

// CertificateName is a name that a client certificate must carry: the common name of its subject (CN), as
// PostgreSQL's clientname=CN, or its whole distinguished name (DN), as clientname=DN. Both, if both are there. The
// zero name is nobody's.
type CertificateName struct{ CN, DN string }

// is compares byte by byte, as PostgreSQL does.
func (n CertificateName) is(certificate *x509.Certificate) bool {
	if certificate == nil || n == (CertificateName{}) {
		return false
	}
	return (n.CN == "" || n.CN == commonName(certificate)) && (n.DN == "" || n.DN == distinguishedName(certificate))
}

// subjectOf is the subject in the order of the certificate; nil: it cannot be read.
func subjectOf(certificate *x509.Certificate) pkix.RDNSequence {
	var subject pkix.RDNSequence
	if rest, err := asn1.Unmarshal(certificate.RawSubject, &subject); err != nil || len(rest) != 0 {
		return nil
	}
	return subject
}

// commonNameOID is that of CN.
const commonNameOID = "2.5.4.3"

// commonName is the subject's one common name. A subject with several has none, so that nobody
// is taken for whom another reader of the certificate would not.
func commonName(certificate *x509.Certificate) string {
	found := ""
	for _, set := range subjectOf(certificate) {
		for _, attribute := range set {
			if attribute.Type.String() != commonNameOID {
				continue
			}
			text, ok := attribute.Value.(string)
			if !ok || found != "" || strings.ContainsRune(text, 0) {
				return ""
			}
			found = text
		}
	}
	return found
}

// attributeNames are openssl's short names; other types show as their number.
var attributeNames = map[string]string{
	commonNameOID: "CN", "2.5.4.4": "SN", "2.5.4.5": "serialNumber", "2.5.4.6": "C", "2.5.4.7": "L", "2.5.4.8": "ST",
	"2.5.4.9": "street", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "title", "2.5.4.13": "description", "2.5.4.17": "postalCode",
	"2.5.4.41": "name", "2.5.4.42": "GN", "2.5.4.43": "initials", "2.5.4.65": "pseudonym",
	"0.9.2342.19200300.100.1.1": "UID", "0.9.2342.19200300.100.1.25": "DC", "1.2.840.113549.1.9.1": "emailAddress",
}

// distinguishedName is the subject as openssl x509 -noout -subject -nameopt RFC2253 prints it: last part first, what is
// not ASCII as \XX. Empty: it has a part that is no text.
func distinguishedName(certificate *x509.Certificate) string {
	subject := subjectOf(certificate)
	var parts []string
	for i := len(subject) - 1; i >= 0; i-- {
		var together []string
		for j := len(subject[i]) - 1; j >= 0; j-- {
			attribute := subject[i][j]
			text, ok := attribute.Value.(string)
			if !ok {
				return ""
			}
			name, ok := attributeNames[attribute.Type.String()]
			if !ok {
				name = attribute.Type.String()
			}
			together = append(together, name+"="+escapeName(text))
		}
		parts = append(parts, strings.Join(together, "+"))
	}
	return strings.Join(parts, ",")
}

// escapeName escapes a value as RFC 2253 asks, and bytes that are not printable ASCII.
func escapeName(text string) string {
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		switch {
		case c < ' ' || c >= 0x7f:
			fmt.Fprintf(&b, `\%02X`, c)
		case strings.IndexByte(`,+"\<>;`, c) >= 0, c == '#' && i == 0, c == ' ' && (i == 0 || i == len(text)-1):
			b.WriteByte('\\')
			b.WriteByte(c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
