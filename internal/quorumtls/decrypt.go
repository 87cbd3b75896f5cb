package quorumtls

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"hash"
	"unicode/utf16"
)

// maxIterations bounds what a key file can make a start cost.
const maxIterations = 10_000_000

// errPassword says that a key did not open.
var errPassword = errors.New("the password does not fit the key")

// encryptedKey is EncryptedPrivateKeyInfo of PKCS#8.
type encryptedKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

// pbes2 are the parameters of the one scheme of PKCS#5 that is in use.
type pbes2 struct {
	Derivation, Cipher pkix.AlgorithmIdentifier
}

type pbkdf2Params struct {
	Salt       []byte
	Iterations int
	Length     int                      `asn1:"optional"`
	Hash       pkix.AlgorithmIdentifier `asn1:"optional"`
}

// pbeParams are those of the older scheme.
type pbeParams struct {
	Salt       []byte
	Iterations int
}

// The schemes that are read: what openssl pkcs8 -topk8 writes, and with -v1 PBE-SHA1-3DES what every Java reads.
const (
	schemePBES2    = "1.2.840.113549.1.5.13"
	schemeSHA13DES = "1.2.840.113549.1.12.1.3"
)

// decrypt opens an encrypted PKCS#8 key.
func decrypt(der []byte, password string) (crypto.PrivateKey, error) {
	var outer encryptedKey
	if _, err := asn1.Unmarshal(der, &outer); err != nil {
		return nil, fmt.Errorf("encrypted key: %w", err)
	}
	block, iv, err := outer.cipher(password)
	if err != nil {
		return nil, err
	}
	plain, err := unpad(block, iv, outer.Data)
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(plain)
	if err != nil {
		return nil, errPassword
	}
	return key, nil
}

// cipher is what opens the key, with its initial vector.
func (k encryptedKey) cipher(password string) (cipher.Block, []byte, error) {
	switch scheme := k.Algorithm.Algorithm.String(); scheme {
	case schemePBES2:
		var s pbes2
		if _, err := asn1.Unmarshal(k.Algorithm.Parameters.FullBytes, &s); err != nil {
			return nil, nil, fmt.Errorf("encrypted key: %w", err)
		}
		return blockCipher(s, password)
	case schemeSHA13DES:
		var p pbeParams
		if _, err := asn1.Unmarshal(k.Algorithm.Parameters.FullBytes, &p); err != nil {
			return nil, nil, fmt.Errorf("encrypted key: %w", err)
		}
		if p.Iterations < 1 || p.Iterations > maxIterations || len(p.Salt) == 0 {
			return nil, nil, fmt.Errorf("encrypted key: %d iterations", p.Iterations)
		}
		block, err := des.NewTripleDESCipher(derive(password, p, 1, 24))
		return block, derive(password, p, 2, 8), err
	default:
		return nil, nil, fmt.Errorf("the key is encrypted by scheme %s, which electnode does not know: convert it by openssl pkcs8 -topk8 -v2 aes-256-cbc", scheme)
	}
}

// derive makes size bytes of a password for a purpose.
// Rule: RFC 7292, appendix B.2, with SHA-1.
func derive(password string, p pbeParams, purpose byte, size int) []byte {
	const blockLen = 64 // of SHA-1
	pass := []byte{}
	for _, unit := range utf16.Encode([]rune(password + "\x00")) {
		pass = append(pass, byte(unit>>8), byte(unit))
	}
	in := append(fill(p.Salt, blockLen), fill(pass, blockLen)...)
	var out []byte
	for len(out) < size {
		sum := sha1.Sum(append(bytes.Repeat([]byte{purpose}, blockLen), in...))
		for range p.Iterations - 1 {
			sum = sha1.Sum(sum[:])
		}
		out = append(out, sum[:]...)
		addEach(in, fill(sum[:], blockLen)[:blockLen])
	}
	return out[:size]
}

// fill repeats b until its length is a multiple of size.
func fill(b []byte, size int) []byte {
	length := (len(b) + size - 1) / size * size
	return bytes.Repeat(b, length/len(b)+1)[:length]
}

// addEach adds b and 1 to every block of in, as big-endian numbers that wrap.
func addEach(in, b []byte) {
	for at := 0; at < len(in); at += len(b) {
		carry := 1
		for i := len(b) - 1; i >= 0; i-- {
			carry += int(in[at+i]) + int(b[i])
			in[at+i] = byte(carry)
			carry >>= 8
		}
	}
}

// blockCipher makes the cipher of the key that follows from password.
func blockCipher(scheme pbes2, password string) (cipher.Block, []byte, error) {
	ciphers := map[string]struct {
		length int
		make   func([]byte) (cipher.Block, error)
	}{
		"2.16.840.1.101.3.4.1.2":  {16, aes.NewCipher},
		"2.16.840.1.101.3.4.1.22": {24, aes.NewCipher},
		"2.16.840.1.101.3.4.1.42": {32, aes.NewCipher},
		"1.2.840.113549.3.7":      {24, des.NewTripleDESCipher},
	}
	hashes := map[string]func() hash.Hash{"": sha1.New, "1.2.840.113549.2.7": sha1.New,
		"1.2.840.113549.2.9": sha256.New, "1.2.840.113549.2.10": sha512.New384, "1.2.840.113549.2.11": sha512.New}
	var p pbkdf2Params
	if _, err := asn1.Unmarshal(scheme.Derivation.Parameters.FullBytes, &p); err != nil {
		return nil, nil, fmt.Errorf("encrypted key: its key derivation: %w", err)
	}
	prf := p.Hash.Algorithm.String()
	c, known := ciphers[scheme.Cipher.Algorithm.String()]
	h, knownHash := hashes[prf]
	if !known || !knownHash || p.Iterations < 1 || p.Iterations > maxIterations {
		return nil, nil, fmt.Errorf("the key is encrypted by %s with %s, %d times: electnode does not know that",
			scheme.Cipher.Algorithm, prf, p.Iterations)
	}
	secret, err := pbkdf2.Key(h, password, p.Salt, p.Iterations, c.length)
	if err != nil {
		return nil, nil, err
	}
	var iv []byte
	if _, err := asn1.Unmarshal(scheme.Cipher.Parameters.FullBytes, &iv); err != nil {
		return nil, nil, fmt.Errorf("encrypted key: its cipher: %w", err)
	}
	block, err := c.make(secret)
	return block, iv, err
}

// unpad decrypts data in CBC mode and takes the padding away.
func unpad(block cipher.Block, iv, data []byte) ([]byte, error) {
	size := block.BlockSize()
	if len(iv) != size || len(data) == 0 || len(data)%size != 0 {
		return nil, errors.New("encrypted key: it is cut off")
	}
	plain := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, data)
	pad := int(plain[len(plain)-1])
	if pad < 1 || pad > size {
		return nil, errPassword
	}
	for _, b := range plain[len(plain)-pad:] {
		if int(b) != pad {
			return nil, errPassword
		}
	}
	return plain[:len(plain)-pad], nil
}
