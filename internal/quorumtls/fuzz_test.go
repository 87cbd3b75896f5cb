package quorumtls

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"electnode/internal/qcm"

	"software.sslmate.com/src/go-pkcs12"
)

// FuzzPEM: whatever stands in a PEM store, with whatever password, it is a key with its own certificate first, or refused with a
// reason that says none of it.
func FuzzPEM(f *testing.F) {
	f.Add([]byte(plainPEM), "")
	for _, text := range encryptedPEM() {
		f.Add([]byte(text), "secret")
		f.Add([]byte(text), "")
		block, _ := pem.Decode([]byte(text))
		f.Add(block.Bytes, "secret")
	}
	f.Fuzz(func(t *testing.T, raw []byte, password string) {
		for _, read := range []func() ([]tls.Certificate, error){
			func() ([]tls.Certificate, error) { return keyOf("PEM", raw, password) },
			func() ([]tls.Certificate, error) {
				key, err := plainKey(raw)
				if err != nil {
					return nil, err
				}
				return pair(raw, key)
			},
		} {
			own, err := read()
			if err == nil && (len(own) != 1 || own[0].Leaf == nil || !bytes.Equal(own[0].Certificate[0], own[0].Leaf.Raw)) {
				t.Errorf("%+v", own)
			}
			if err != nil && len(password) > 8 && strings.Contains(err.Error(), password) {
				t.Errorf("the password is in %q", err)
			}
		}
		if len(raw) < 1<<12 { // an encrypted key as it stands inside: a store of its own would hide it from the fuzzer
			_, _ = decrypt(raw, password)
		}
		if all, err := certificates(raw); err == nil && len(all) == 0 {
			t.Error("no certificate, and no error")
		}
	})
}

// FuzzTrusted: whatever stands in a PKCS12 store behind its MAC, what is taken of it are certificates, one at least, or it is refused.
func FuzzTrusted(f *testing.F) {
	const password = "secret12"
	ca := newAuthority(f, "ca")
	for _, encoder := range []*pkcs12.Encoder{pkcs12.Modern2023.WithIterations(2), pkcs12.LegacyDES.WithIterations(2), pkcs12.LegacyRC2.WithIterations(2)} {
		raw, err := encoder.EncodeTrustStore([]*x509.Certificate{ca.cert}, password)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	mixed, err := os.ReadFile(filepath.Join("testdata", "mixed.p12"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(opened(f, mixed, password))
	if all, err := trustedOf(opened(f, mixed, password), password); err != nil || len(all) != 1 {
		f.Fatalf("%d certificates, %v", len(all), err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if roundsOf(raw, password, 1000) > 1000 {
			return // it would only take long
		}
		all, err := trustedOf(raw, password)
		if (err == nil) != (len(all) > 0) || slices.Contains(all, nil) {
			t.Errorf("%d certificates, %v", len(all), err)
		}
	})
}

// opened is a store in which nothing but keys is encrypted: a fuzzer changes what stands in it, and not what it looks like encrypted.
func opened(tb testing.TB, raw []byte, password string) []byte {
	tb.Helper()
	var store p12Store
	if _, err := asn1.Unmarshal(raw, &store); err != nil {
		tb.Fatal(err)
	}
	parts, err := store.parts()
	if err != nil {
		tb.Fatal(err)
	}
	wrap := func(v any) asn1.RawValue {
		der, err := asn1.Marshal(v)
		if err != nil {
			tb.Fatal(err)
		}
		return asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: der}
	}
	data := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	for i, part := range parts {
		bags, err := part.bags(password)
		if err != nil {
			tb.Fatal(err)
		}
		plain, err := asn1.Marshal(bags)
		if err != nil {
			tb.Fatal(err)
		}
		parts[i] = p12Content{Type: data, Content: wrap(plain)}
	}
	safe, err := asn1.Marshal(parts)
	if err != nil {
		tb.Fatal(err)
	}
	out, err := asn1.Marshal(p12Store{Version: 3, Safe: p12Content{Type: data, Content: wrap(safe)}})
	if err != nil {
		tb.Fatal(err)
	}
	return out
}

// sealed makes a PKCS12 store of what is inside of one, with a MAC that fits, so that a fuzzer gets behind it.
func sealed(tb testing.TB, safe []byte, password string) []byte {
	tb.Helper()
	content, err := asn1.Marshal(safe)
	if err != nil {
		tb.Fatal(err)
	}
	salt := []byte("salt")
	sum := hmac.New(sha1.New, derive(password, pbeParams{Salt: salt, Iterations: 1}, 3, sha1.Size))
	sum.Write(safe)
	mac := p12MAC{Salt: salt, Iterations: 1}
	mac.Digest.Algorithm = pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}, Parameters: asn1.NullRawValue}
	mac.Digest.Value = sum.Sum(nil)
	store := p12Store{Version: 3, Safe: p12Content{Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1},
		Content: asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: content}}}
	if store.MAC.FullBytes, err = asn1.Marshal(mac); err != nil {
		tb.Fatal(err)
	}
	raw, err := asn1.Marshal(store)
	if err != nil {
		tb.Fatal(err)
	}
	return raw
}

// insideOf is what sealed makes a store of.
func insideOf(tb testing.TB, raw []byte) []byte {
	tb.Helper()
	var store p12Store
	var safe []byte
	if _, err := asn1.Unmarshal(raw, &store); err != nil {
		tb.Fatal(err)
	}
	if _, err := asn1.Unmarshal(store.Safe.Content.Bytes, &safe); err != nil {
		tb.Fatal(err)
	}
	return safe
}

// FuzzPKCS12: whatever stands in a PKCS12 store, whether its MAC fits or not, it is a key with its own certificate first, or
// certificates to trust, or refused with a reason that does not have the password in it.
func FuzzPKCS12(f *testing.F) {
	const password = "secret12"
	ca := newAuthority(f, "ca")
	key := newKey(f, "EC")
	cert := ca.issue(key, nil)
	for _, encoder := range []*pkcs12.Encoder{pkcs12.Modern2023.WithIterations(2), pkcs12.Modern2026.WithIterations(2),
		pkcs12.LegacyDES.WithIterations(2), pkcs12.LegacyRC2.WithIterations(2)} {
		own, err := encoder.Encode(key, cert, []*x509.Certificate{ca.cert}, password)
		if err != nil {
			f.Fatal(err)
		}
		trust, err := encoder.EncodeTrustStore([]*x509.Certificate{ca.cert}, password)
		if err != nil {
			f.Fatal(err)
		}
		for _, raw := range [][]byte{own, trust} {
			f.Add(raw)
			f.Add(insideOf(f, raw))
		}
	}
	plain, err := pkcs12.Passwordless.Encode(key, cert, nil, "")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(insideOf(f, plain))
	if _, err := keyOf("PKCS12", sealed(f, insideOf(f, plain), password), password); err != nil {
		f.Fatalf("the MAC does not fit: %v", err)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, store := range [][]byte{raw, sealed(t, raw, password)} {
			if roundsOf(store, password, 1000) > 1000 {
				continue // it would only take long
			}
			own, err := keyOf("PKCS12", store, password)
			if err == nil && (len(own) != 1 || own[0].Leaf == nil || !bytes.Equal(own[0].Certificate[0], own[0].Leaf.Raw)) {
				t.Errorf("%+v", own)
			}
			all, trustErr := trustIn(store, password)
			if slices.Contains(all, nil) || trustErr != nil && len(all) > 0 {
				t.Errorf("%d certificates, %v", len(all), trustErr)
			}
			for _, err := range []error{err, trustErr} {
				if err != nil && (err.Error() == "" || strings.Contains(err.Error(), password)) {
					t.Errorf("%q", err)
				}
			}
		}
	})
}

// pieces is a connection that brings bytes in pieces and takes what is written.
type pieces struct {
	net.Conn
	bring []byte
	size  int
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.bring) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.bring[:min(max(p.size, 1), len(p.bring))])
	p.bring = p.bring[n:]
	return n, nil
}
func (*pieces) Write(b []byte) (int, error)      { return len(b), nil }
func (*pieces) Close() error                     { return nil }
func (*pieces) SetDeadline(time.Time) error      { return nil }
func (*pieces) SetReadDeadline(time.Time) error  { return nil }
func (*pieces) SetWriteDeadline(time.Time) error { return nil }
func (*pieces) RemoteAddr() net.Addr             { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1} }
func (*pieces) LocalAddr() net.Addr              { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 2} }

// FuzzFirstBytes: whatever a caller says first, and in whatever pieces, where both kinds are let in a plain connection brings
// every byte and no other; where only TLS is, nothing of it gets through.
func FuzzFirstBytes(f *testing.F) {
	ca := newAuthority(f, "ca")
	stores := load(f, ca, "EC", ca, nil)
	f.Add([]byte("\xff\xff\xff\xff\xff\xff\x00\x00"), 1)
	f.Add([]byte("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), 3)
	f.Add([]byte("\x16\x02"), 1)
	f.Add([]byte("\x16"), 1)
	f.Add([]byte{}, 0)
	f.Fuzz(func(t *testing.T, raw []byte, size int) {
		for _, plain := range []bool{true, false} {
			d := newDual(qcm.TCP{}, stores.itself, ServerOptions{AcceptPlain: plain, Reverse: nobody})
			c := &accepted{Conn: &pieces{bring: bytes.Clone(raw), size: size}, server: d}
			got, err := io.ReadAll(c)
			isTLS := bytes.HasPrefix(raw, []byte(recordHead))
			switch {
			case (!plain || isTLS) && len(got) > 0:
				t.Errorf("plain %t: %q got through", plain, got)
			case plain && !isTLS && err == nil && !bytes.Equal(got, raw):
				t.Errorf("%q became %q", raw, got)
			case plain && !isTLS && err != nil && !bytes.HasPrefix([]byte(recordHead), raw):
				t.Errorf("%q: %v", raw, err)
			case !plain && len(raw) >= 2 && !isTLS && !errors.Is(err, qcm.ErrTLS):
				t.Errorf("%q: %v", raw, err)
			}
		}
	})
}
