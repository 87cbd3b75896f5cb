package config

import (
	"fmt"
	"strings"
	"time"

	"electnode/internal/quorum"
)

// TLS is what zoo.cfg says about TLS between servers. The files are not looked at here.
// Rule: X509Util and QuorumX509Util.
type TLS struct {
	Quorum          bool // sslQuorum: dial with TLS, and accept only TLS unless PortUnification
	PortUnification bool // accept both TLS and plain connections
	Reload          bool // sslQuorumReloadCertFiles

	KeyStore   Store
	TrustStore Store

	Protocol             string   // ssl.quorum.protocol [TLSv1.2]
	EnabledProtocols     []string // nil: Protocol only
	CipherSuites         []string // Java names; nil: a built-in list
	ClientAuth           string   // "need", "want" or "none" [need]
	HostnameVerification bool     // in both directions [true]
	// ClientHostnameVerification is for callers, if HostnameVerification is on [true].
	ClientHostnameVerification bool
	ReverseLookup              bool // ssl.quorum.allowReverseDnsLookup [true]
	CRL                        bool
	OCSP                       bool
	// HandshakeDetection is how long an accepted connection may take to show whether it is TLS [5 s].
	HandshakeDetection time.Duration
}

// Store is a key store or a trust store.
type Store struct {
	Location     string // empty: none
	Type         string // "PEM" or "PKCS12", from the file name unless written; empty without Location
	Password     string
	PasswordPath string // of a file with the password, which beats Password
}

// On reports whether any connection may be TLS.
func (t TLS) On() bool { return t.Quorum || t.PortUnification }

func defaultTLS() TLS {
	return TLS{Protocol: "TLSv1.2", ClientAuth: "need", HostnameVerification: true, ClientHostnameVerification: true,
		ReverseLookup: true, HandshakeDetection: 5 * time.Second}
}

// supplierClass is the one key of real servers that has no meaning here.
const supplierClass = "ssl.quorum.context.supplier.class"

// tlsKeys are the keys that begin with "ssl.quorum.".
func (l *loader) tlsKeys() []key {
	t := &l.cfg.TLS
	keys := []key{
		{"ssl.quorum.protocol", text(&t.Protocol)},
		{"ssl.quorum.enabledProtocols", list(&t.EnabledProtocols)},
		{"ssl.quorum.ciphersuites", list(&t.CipherSuites)},
		{"ssl.quorum.clientAuth", func(v string) error {
			switch t.ClientAuth = strings.ToLower(v); t.ClientAuth {
			case "none", "want", "need":
				return nil
			}
			return fmt.Errorf("%s must be none, want or need", quorum.Quote(v))
		}},
		{"ssl.quorum.hostnameVerification", boolean(&t.HostnameVerification)},
		// Rule: X509Util of 3.9.4 and 3.9.5; releases before these do as if both were true.
		{"ssl.quorum.clientHostnameVerification", boolean(&t.ClientHostnameVerification)},
		{"ssl.quorum.allowReverseDnsLookup", boolean(&t.ReverseLookup)},
		{"ssl.quorum.crl", boolean(&t.CRL)},
		{"ssl.quorum.ocsp", boolean(&t.OCSP)},
		{"ssl.quorum.handshakeDetectionTimeoutMillis", func(v string) error {
			err := milliseconds(&t.HandshakeDetection)(v)
			if t.HandshakeDetection < time.Millisecond {
				t.HandshakeDetection = 5 * time.Second
			}
			return err
		}},
	}
	for name, s := range map[string]*Store{"keyStore": &t.KeyStore, "trustStore": &t.TrustStore} {
		prefix := "ssl.quorum." + name + "."
		keys = append(keys, key{prefix + "location", text(&s.Location)}, key{prefix + "password", text(&s.Password)},
			key{prefix + "passwordPath", text(&s.PasswordPath)}, key{prefix + "type", text(&s.Type)})
	}
	return keys
}

func list(to *[]string) func(string) error {
	return func(v string) error {
		if v != "" {
			*to = strings.Split(v, ",")
		}
		return nil
	}
}

// checkTLS checks the stores, when TLS is on at all: without it a file may keep what real servers need.
// Differs from ZooKeeper: stores and classes that only Java can read are refused (D12).
func (l *loader) checkTLS() {
	t := &l.cfg.TLS
	if !t.On() {
		return
	}
	if p, given := l.values[supplierClass]; given {
		l.fault(l.main, p.Line, supplierClass, "%s: %s is a Java class, which electnode cannot use", supplierClass, quorum.Quote(p.Value))
	}
	l.checkStore("ssl.quorum.keyStore.", &t.KeyStore)
	l.checkStore("ssl.quorum.trustStore.", &t.TrustStore)
}

func (l *loader) checkStore(prefix string, s *Store) {
	if s.Location == "" {
		return
	}
	key := prefix + "type"
	kind := strings.ToUpper(s.Type)
	if kind == "" {
		key = prefix + "location"
		kind = typeOfStore(s.Location)
	}
	switch line := l.values[key].Line; kind {
	case "PEM", "PKCS12":
		s.Type = kind
	case "JKS", "BCFKS":
		l.fault(l.main, line, key, "%s: electnode cannot read %s stores: convert it to PEM or PKCS12", key, kind)
	case "":
		l.fault(l.main, line, key, "%s: %s: the name does not tell the type of the store; set %stype to PEM or PKCS12",
			key, quorum.Quote(s.Location), prefix)
	default:
		l.fault(l.main, line, key, "%s: %s is not a type of store: PEM or PKCS12", key, quorum.Quote(s.Type))
	}
}

// typeOfStore tells the type from the end of the file name, in exact case.
func typeOfStore(location string) string {
	for suffix, kind := range map[string]string{".jks": "JKS", ".pem": "PEM", ".p12": "PKCS12", ".bcfks": "BCFKS"} {
		if strings.HasSuffix(location, suffix) {
			return kind
		}
	}
	return ""
}
