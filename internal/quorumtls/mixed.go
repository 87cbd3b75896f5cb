package quorumtls

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
)

// The parts of a PKCS12 store that tell which of its certificates are trusted. Rule: RFC 7292.
type (
	p12Store struct {
		Version int
		Safe    p12Content
		MAC     asn1.RawValue `asn1:"optional"`
	}
	p12Content struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"tag:0,explicit,optional"`
	}
	p12Encrypted struct {
		Version int
		Info    struct {
			Type      asn1.ObjectIdentifier
			Algorithm pkix.AlgorithmIdentifier
			Data      []byte `asn1:"tag:0,optional"`
		}
	}
	p12Bag struct {
		Type       asn1.ObjectIdentifier
		Value      asn1.RawValue  `asn1:"tag:0,explicit"`
		Attributes []p12Attribute `asn1:"set,optional"`
	}
	p12Attribute struct {
		Type  asn1.ObjectIdentifier
		Value asn1.RawValue `asn1:"set"`
	}
	p12Certificate struct {
		Type asn1.ObjectIdentifier
		Data []byte `asn1:"tag:0,explicit"`
	}
)

// The numbers of what is looked for in one.
const (
	typeEncrypted   = "1.2.840.113549.1.7.6"
	typeCertificate = "1.2.840.113549.1.12.10.1.3"
	// markTrusted is the attribute by which Java tells a trustedCertEntry from a certificate of a key.
	markTrusted = "2.16.840.1.113894.746875.1.1"
)

// trustedOf lists the trusted certificates of a store that has others, too, one at least. Its MAC was checked already.
// Rule: PKIXBuilderParameters, which takes the trusted entries of a store and no certificate of a key.
func trustedOf(raw []byte, password string) ([]*x509.Certificate, error) {
	var store p12Store
	if _, err := asn1.Unmarshal(raw, &store); err != nil {
		return nil, fmt.Errorf("PKCS12: %w", err)
	}
	parts, err := store.parts()
	if err != nil {
		return nil, fmt.Errorf("PKCS12: %w", err)
	}
	var all []*x509.Certificate
	for _, part := range parts {
		bags, err := part.bags(password)
		if err != nil {
			return nil, err
		}
		for _, bag := range bags {
			c, err := bag.trusted()
			if err != nil {
				return nil, err
			}
			if c != nil {
				all = append(all, c)
			}
		}
	}
	if len(all) == 0 {
		return nil, errors.New("no certificate in it is a trusted one (a trustedCertEntry): those of a key are not")
	}
	return all, nil
}

// parts lists the parts of a store.
func (s p12Store) parts() (all []p12Content, err error) {
	var safe []byte
	if _, err = asn1.Unmarshal(s.Safe.Content.Bytes, &safe); err == nil {
		_, err = asn1.Unmarshal(safe, &all)
	}
	return all, err
}

// bags lists what a part of a store holds.
func (c p12Content) bags(password string) (all []p12Bag, err error) {
	var plain []byte
	if c.Type.String() != typeEncrypted {
		_, err = asn1.Unmarshal(c.Content.Bytes, &plain)
	} else {
		plain, err = c.open(password)
	}
	if err != nil {
		return nil, err
	}
	if _, err = asn1.Unmarshal(plain, &all); err != nil {
		return nil, fmt.Errorf("PKCS12: %w", err)
	}
	return all, nil
}

// open decrypts a part of a store.
func (c p12Content) open(password string) ([]byte, error) {
	var sealed p12Encrypted
	if _, err := asn1.Unmarshal(c.Content.Bytes, &sealed); err != nil {
		return nil, fmt.Errorf("PKCS12: %w", err)
	}
	block, iv, err := encryptedKey{Algorithm: sealed.Info.Algorithm}.cipher(password)
	if err != nil {
		return nil, fmt.Errorf("which certificates are trusted cannot be told, because they are encrypted by scheme %s: "+
			"put them into a store without a key", sealed.Info.Algorithm.Algorithm)
	}
	return unpad(block, iv, sealed.Info.Data)
}

// trusted is the certificate of a bag that is marked as trusted; nil: it holds something else.
func (b p12Bag) trusted() (*x509.Certificate, error) {
	if b.Type.String() != typeCertificate {
		return nil, nil
	}
	marked := false
	for _, a := range b.Attributes {
		marked = marked || a.Type.String() == markTrusted
	}
	if !marked {
		return nil, nil
	}
	var c p12Certificate
	if _, err := asn1.Unmarshal(b.Value.Bytes, &c); err != nil {
		return nil, fmt.Errorf("PKCS12: %w", err)
	}
	return x509.ParseCertificate(c.Data)
}
