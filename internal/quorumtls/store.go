package quorumtls

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"electnode/internal/config"

	"software.sslmate.com/src/go-pkcs12"
)

// password is that of s: the content of its file without one final line feed, or what is written.
func password(s config.Store) (string, error) {
	if s.PasswordPath == "" {
		return s.Password, nil
	}
	raw, err := os.ReadFile(s.PasswordPath)
	if err != nil {
		return "", fmt.Errorf("password: %w", err)
	}
	return strings.TrimSuffix(string(raw), "\n"), nil
}

// open reads the file of s and its password.
func open(s config.Store) (raw []byte, pass string, err error) {
	if pass, err = password(s); err != nil {
		return nil, "", err
	}
	raw, err = os.ReadFile(s.Location)
	return raw, pass, err
}

// loadKeyStore reads the one key of a store and its certificates.
func loadKeyStore(s config.Store) ([]tls.Certificate, error) {
	raw, pass, err := open(s)
	if err != nil {
		return nil, err
	}
	own, err := keyOf(s.Type, raw, pass)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Location, err)
	}
	return own, nil
}

func keyOf(kind string, raw []byte, pass string) ([]tls.Certificate, error) {
	if kind == "PEM" {
		key, err := storedKey(raw, pass)
		if err != nil {
			return nil, err
		}
		return pair(raw, key)
	}
	if err := checkRounds(raw, pass); err != nil {
		return nil, err
	}
	key, leaf, others, err := pkcs12.DecodeChain(raw, pass)
	if err != nil {
		return nil, explain(err)
	}
	all := append([]*x509.Certificate{leaf}, others...) // a trusted one may stand before that of the key
	for i, c := range all {
		if signs(key, c) {
			all[0], all[i] = all[i], all[0]
			break
		}
	}
	return join(key, chainOf(all[0], all[1:]))
}

// chainOf puts the certificates above leaf in their order and leaves out those that are not above it.
func chainOf(leaf *x509.Certificate, others []*x509.Certificate) []*x509.Certificate {
	chain := []*x509.Certificate{leaf}
	for range others {
		last := chain[len(chain)-1]
		for _, c := range others {
			if string(c.RawSubject) == string(last.RawIssuer) && !c.Equal(last) {
				chain = append(chain, c)
				break
			}
		}
		if last == chain[len(chain)-1] {
			break
		}
	}
	return chain
}

// loadTrustStore reads the certificates to trust.
func loadTrustStore(s config.Store) (*x509.CertPool, error) {
	if s.Type == "PEM" {
		if _, err := password(s); err != nil {
			return nil, err
		}
		return readTrusted(s.Location)
	}
	raw, pass, err := open(s)
	if err != nil {
		return nil, err
	}
	all, err := trustIn(raw, pass)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Location, err)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s: no certificate", s.Location)
	}
	return poolOf(all), nil
}

// trustIn lists the certificates that a PKCS12 store trusts.
func trustIn(raw []byte, pass string) ([]*x509.Certificate, error) {
	if err := checkRounds(raw, pass); err != nil {
		return nil, err
	}
	all, err := pkcs12.DecodeTrustStore(raw, pass)
	switch {
	case err == nil:
		return all, nil
	case errors.Is(err, pkcs12.ErrIncorrectPassword):
		return nil, explain(err)
	default:
		return trustedOf(raw, pass) // one store may serve for both; the library reads one without a key alone
	}
}

// explain adds to an error what a person can do about it.
func explain(err error) error {
	if errors.Is(err, pkcs12.ErrIncorrectPassword) {
		return errors.New("the password does not fit, or this is no PKCS12 store")
	}
	return fmt.Errorf("PKCS12: %w", err)
}
