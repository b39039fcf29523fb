package catalog

import (
	"slices"
	"unicode"
)

// Name is the name that a client certificate carries: exactly one of the common name of its subject and
// the whole distinguished name, in the form of RFC 2253 as openssl and PostgreSQL's clientname=DN write it.
type Name struct {
	CN string
	DN string
}

// What a login can require; each of them has to be met.
const (
	requiresPassword    = "password"
	requiresCertificate = "certificate"
)

// maxNames bounds the certificates of one login.
const maxNames = 100

// required checks what a login has to show, and returns the names of its certificates. What is required is written out, so
// that no line left out makes a login easier; only the password needs no saying.
func (b *builder) required(at string, a FileAnalyst) []Name {
	requires := a.Requires
	if requires == nil {
		requires = []string{requiresPassword}
		if len(a.Certificates) > 0 {
			b.add(child(at, "requires"), "is missing; write [certificate] or [password, certificate]")
			return nil
		}
	}
	if len(requires) == 0 {
		b.add(child(at, "requires"), "is empty; write [password], [certificate] or [password, certificate]")
	}
	for i, r := range requires {
		if (r != requiresPassword && r != requiresCertificate) || slices.Contains(requires[:i], r) {
			b.add(item(child(at, "requires"), i), "%q: write [password], [certificate] or [password, certificate]", clip(r))
		}
	}
	b.password(at, a, slices.Contains(requires, requiresPassword))
	return b.names(at, a, slices.Contains(requires, requiresCertificate))
}

// password checks that there is a verifier exactly where one is required.
func (b *builder) password(at string, a FileAnalyst, required bool) {
	switch {
	case !required && (a.Verifier != "" || a.VerifierFile != ""):
		b.add(child(at, "requires"), "names no password, but there is a verifier; write [password, certificate], or remove the verifier")
	case required && (a.Verifier == "") == (a.VerifierFile == ""):
		b.add(at, "write one of verifier_file and verifier; make it with: c2dproxy analyst add FILE %s", clip(a.Login))
	case a.Verifier != "":
		if err := CheckVerifier(a.Verifier); err != nil {
			b.add(child(at, "verifier"), "%v", err)
		}
	}
}

// names checks that there are names of certificates exactly where one is required.
func (b *builder) names(at string, a FileAnalyst, required bool) []Name {
	at = child(at, "certificates")
	switch {
	case !required && len(a.Certificates) > 0:
		b.add(at, "are not in requires; write requires: [certificate] or [password, certificate]")
	case required && (len(a.Certificates) == 0 || len(a.Certificates) > maxNames):
		b.add(at, "write 1 to %d names of client certificates, such as [cn: %s]", maxNames, clip(a.Login))
	case required && b.file.AnalystTLS.ClientCAFile == "":
		b.add(at, "need analyst_tls.client_ca_file, which says who signs them")
	}
	var names []Name
	for i, c := range a.Certificates {
		if (c.CN == "") == (c.DN == "") || len(c.CN+c.DN) > maxText || slices.ContainsFunc([]rune(c.CN+c.DN), unicode.IsControl) {
			b.add(item(at, i), "write cn: and the common name, or dn: and the whole subject as openssl x509 -noout -subject -nameopt RFC2253 prints it")
		}
		names = append(names, Name(c))
	}
	return names
}
