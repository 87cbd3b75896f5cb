package quorumtls

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"electnode/internal/config"
)

// Stores are the certificates and rules of a server, read once. Safe from any goroutine; they do not change.
type Stores struct {
	own     []tls.Certificate // none or one
	trusted *x509.CertPool    // nil: the system's roots
	names   nameRule

	minVersion, maxVersion uint16
	suites                 []uint16 // nil: Go's choice
	doubt                  string   // about the suites, for people
}

// nameRule says how a server's certificate must name it.
type nameRule struct {
	skip        bool
	skipCallers bool   // those of callers alone: ssl.quorum.clientHostnameVerification=false
	name        string // instead of the address that was dialled; empty: that address
}

// Load reads the stores that c names. The error names every problem, each with its key or file; files are read
// now, so that a mistake shows before the first connection.
func Load(c config.TLS) (*Stores, error) {
	s := &Stores{names: nameRule{skip: !c.HostnameVerification, skipCallers: !c.ClientHostnameVerification}}
	var errs []error
	note := func(key string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
	}
	var err error
	if c.KeyStore.Location != "" {
		s.own, err = loadKeyStore(c.KeyStore)
		note("ssl.quorum.keyStore.location", err)
	}
	if c.TrustStore.Location != "" {
		s.trusted, err = loadTrustStore(c.TrustStore)
		note("ssl.quorum.trustStore.location", err)
	}
	s.minVersion, s.maxVersion, err = versions(c)
	note("ssl.quorum.protocol", err)
	s.suites, s.doubt, err = suites(c.CipherSuites, s.maxVersion)
	note("ssl.quorum.ciphersuites", err)
	if c.CRL || c.OCSP {
		// Differs from ZooKeeper: whether a certificate was revoked is not asked.
		errs = append(errs, errors.New("ssl.quorum.crl, ssl.quorum.ocsp: electnode cannot ask whether a certificate was revoked"))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

// Files are PEM files, for those who have no zoo.cfg. Empty fields mean what stands in brackets.
type Files struct {
	Cert         string // own certificate, followed by those that lead to a trusted one [none]
	Key          string // its key, in PKCS#8 or an older form, not encrypted [it is in Cert]
	CA           string // who signs the servers' certificates [the system's roots]
	ServerName   string // what every server's certificate must name [the address that is dialled]
	InsecureName bool   // whose certificate it is does not matter, if it is trusted
}

// Load reads the files. The error names the file that is wrong.
func (f Files) Load() (*Stores, error) {
	s := &Stores{names: nameRule{skip: f.InsecureName, name: f.ServerName}, minVersion: tls.VersionTLS12}
	var errs []error
	switch {
	case f.Cert != "":
		own, err := readKeyPair(f.Cert, f.Key)
		errs = append(errs, err)
		s.own = own
	case f.Key != "":
		errs = append(errs, fmt.Errorf("%s: a key without a certificate", f.Key))
	}
	if f.CA != "" {
		pool, err := readTrusted(f.CA)
		errs = append(errs, err)
		s.trusted = pool
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}
