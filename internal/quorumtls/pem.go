package quorumtls

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
)

// The kinds of PEM blocks that are looked for.
const (
	blockCertificate = "CERTIFICATE"
	blockPKCS8       = "PRIVATE KEY"
	blockEncrypted   = "ENCRYPTED PRIVATE KEY"
)

// readKeyPair reads a certificate with its chain, and its key from the same file or another.
func readKeyPair(certFile, keyFile string) ([]tls.Certificate, error) {
	raw, err := os.ReadFile(certFile)
	if err != nil {
		return nil, err
	}
	keyRaw := raw
	if keyFile == "" {
		keyFile = certFile
	} else if keyRaw, err = os.ReadFile(keyFile); err != nil {
		return nil, err
	}
	key, err := plainKey(keyRaw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", keyFile, err)
	}
	own, err := pair(raw, key)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", certFile, err)
	}
	return own, nil
}

// plainKey finds a key in any form that is not encrypted.
func plainKey(raw []byte) (crypto.PrivateKey, error) {
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		switch block.Type {
		case blockPKCS8:
			return x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			return x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			return x509.ParseECPrivateKey(block.Bytes)
		case blockEncrypted:
			return nil, errors.New("the key is encrypted, and there is no place for a password here")
		}
	}
	return nil, errors.New("no private key")
}

// storedKey finds the key of a PEM key store: PKCS#8, encrypted if and only if there is a password.
func storedKey(raw []byte, password string) (crypto.PrivateKey, error) {
	other := ""
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		switch {
		case block.Type == blockPKCS8 && password == "":
			return x509.ParsePKCS8PrivateKey(block.Bytes)
		case block.Type == blockPKCS8:
			return nil, errors.New("there is a password, but the key is not encrypted: real servers refuse that")
		case block.Type == blockEncrypted && password != "":
			return decrypt(block.Bytes, password)
		case block.Type == blockEncrypted:
			return nil, errors.New("the key is encrypted, and there is no password")
		case block.Type != blockCertificate:
			other = block.Type
		}
	}
	if other != "" {
		return nil, fmt.Errorf("no private key in PKCS#8, but a block %.40q: convert it by openssl pkcs8 -topk8 -nocrypt", other)
	}
	return nil, errors.New("no private key")
}

// pair joins the certificates of raw, own first, with the key.
func pair(raw []byte, key crypto.PrivateKey) ([]tls.Certificate, error) {
	chain, err := certificates(raw)
	if err != nil {
		return nil, err
	}
	return join(key, chain)
}

// join makes what TLS needs of a key and its chain, if they belong together.
func join(key crypto.PrivateKey, chain []*x509.Certificate) ([]tls.Certificate, error) {
	if _, ok := key.(crypto.Signer); !ok {
		return nil, fmt.Errorf("a %T cannot sign", key)
	}
	if !signs(key, chain[0]) {
		return nil, fmt.Errorf("the first certificate (%s) is not that of the key", chain[0].Subject)
	}
	own := tls.Certificate{PrivateKey: key, Leaf: chain[0]}
	for _, c := range chain {
		own.Certificate = append(own.Certificate, c.Raw)
	}
	return []tls.Certificate{own}, nil
}

// signs reports whether c is a certificate of key.
func signs(key crypto.PrivateKey, c *x509.Certificate) bool {
	signer, ok := key.(crypto.Signer)
	if !ok {
		return false
	}
	public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && public.Equal(c.PublicKey)
}

// certificates lists the certificates of a PEM file, one at least.
func certificates(raw []byte) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != blockCertificate && block.Type != "X509 CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d: %w", len(all)+1, err)
		}
		all = append(all, c)
	}
	if len(all) == 0 {
		return nil, errors.New("no certificate")
	}
	return all, nil
}

// readTrusted reads the certificates of a PEM file as those to trust. Of two with one subject the later counts.
func readTrusted(file string) (*x509.CertPool, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	all, err := certificates(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return poolOf(all), nil
}

func poolOf(all []*x509.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for i, c := range all {
		replaced := false
		for _, later := range all[i+1:] {
			replaced = replaced || bytes.Equal(later.RawSubject, c.RawSubject)
		}
		if !replaced {
			pool.AddCert(c)
		}
	}
	return pool
}
