package quorumtls

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
)

// typeSealedKey is a key in a PKCS12 store that is encrypted by itself.
const typeSealedKey = "1.2.840.113549.1.12.10.1.2"

// p12MAC is what says that a store is whole and the password right.
type p12MAC struct {
	Digest struct {
		Algorithm pkix.AlgorithmIdentifier
		Value     []byte
	}
	Salt       []byte
	Iterations int `asn1:"optional,default:1"`
}

// checkRounds refuses a PKCS12 store that wants a key to be derived from its password in more than maxIterations rounds in
// all: the library does however many there are, without a word. Keys in a part that is encrypted by RC2 are not counted.
func checkRounds(raw []byte, password string) error {
	if n := roundsOf(raw, password, maxIterations); n > maxIterations {
		return fmt.Errorf("PKCS12: it takes %d rounds to open, and electnode does %d at most: write it again with fewer", n, maxIterations)
	}
	return nil
}

// roundsOf counts the rounds that a store asks for, up to where they are more than most: to count those of a part it has to
// be opened. What cannot be read asks for none: it is refused when it is opened.
func roundsOf(raw []byte, password string, most int) int {
	var store p12Store
	if _, err := asn1.Unmarshal(raw, &store); err != nil {
		return 0
	}
	n := 0
	var mac p12MAC
	if _, err := asn1.Unmarshal(store.MAC.FullBytes, &mac); err == nil {
		n += max(bounded(mac.Iterations), rounds(mac.Digest.Algorithm)) // the newer kind, PBMAC1, has a number of its own
	}
	parts, err := store.parts()
	if err != nil {
		return n
	}
	for _, part := range parts {
		var sealed p12Encrypted
		if part.Type.String() == typeEncrypted {
			if _, err := asn1.Unmarshal(part.Content.Bytes, &sealed); err != nil {
				continue
			}
			n += rounds(sealed.Info.Algorithm)
		}
		if n > most {
			return n
		}
		bags, err := part.bags(password)
		if err != nil {
			continue
		}
		for _, bag := range bags {
			var key encryptedKey
			if bag.Type.String() != typeSealedKey {
				continue
			}
			if _, err := asn1.Unmarshal(bag.Value.Bytes, &key); err == nil {
				n += rounds(key.Algorithm)
			}
		}
	}
	return n
}

// rounds is what one scheme asks for; 0: it derives no key.
func rounds(scheme pkix.AlgorithmIdentifier) int {
	var newer pbes2 // PBMAC1 has the same form
	if _, err := asn1.Unmarshal(scheme.Parameters.FullBytes, &newer); err == nil {
		var p pbkdf2Params
		if _, err := asn1.Unmarshal(newer.Derivation.Parameters.FullBytes, &p); err == nil {
			return bounded(p.Iterations)
		}
	}
	var p pbeParams
	if _, err := asn1.Unmarshal(scheme.Parameters.FullBytes, &p); err == nil {
		return bounded(p.Iterations)
	}
	return 0
}

// bounded makes a number one that can be added to others.
func bounded(n int) int { return min(max(n, 0), maxIterations+1) }
