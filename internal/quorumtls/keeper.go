package quorumtls

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"electnode/internal/config"
	"electnode/internal/qcm"
)

// reloadTime is how often the files are compared with what was read of them.
const reloadTime = 10 * time.Second

// Keeper holds the stores of a server that runs, and takes up renewed ones. Safe from any goroutine, Run excepted.
type Keeper struct {
	conf    config.TLS
	current atomic.Pointer[Stores]
	files   [][]byte // as they were read last; Run's
	failed  string   // why the last reading came to nothing; empty: it did not; Run's
}

// NewKeeper reads the stores that c names, whose own certificate must be valid now. Every problem is in the error,
// with its key or file.
func NewKeeper(c config.TLS, now time.Time) (*Keeper, error) {
	k := &Keeper{conf: c}
	k.files = k.read()
	stores, err := k.load(now)
	if err != nil {
		return nil, err
	}
	k.current.Store(stores)
	return k, nil
}

// Server is a network of the stores that are in force at the time of each connection; see Stores.Server.
func (k *Keeper) Server(inner qcm.Network) qcm.Network {
	return newDual(inner, k.current.Load, optionsOf(k.conf))
}

// Client is a network of the stores that are in force at the time of each dial; see Stores.Client.
func (k *Keeper) Client(inner qcm.Network) qcm.Network { return newClient(inner, k.current.Load) }

// Own is the own certificate that is in force; nil: there is none.
func (k *Keeper) Own() *x509.Certificate {
	if s := k.current.Load(); len(s.own) > 0 {
		return s.own[0].Leaf
	}
	return nil
}

// Doubts lists what makes others turn this server away, as far as it can know.
func (k *Keeper) Doubts() []string {
	s := k.current.Load()
	const key = "ssl.quorum.keyStore.location"
	var all []string
	if s.doubt != "" {
		all = append(all, s.doubt)
	}
	if len(s.own) == 0 {
		return append(all, key+": without a certificate this server cannot answer by TLS")
	}
	leaf := s.own[0].Leaf
	between := x509.NewCertPool()
	for _, raw := range s.own[0].Certificate[1:] {
		if c, err := x509.ParseCertificate(raw); err == nil { // all were parsed once
			between.AddCert(c)
		}
	}
	good := func(usage x509.ExtKeyUsage) error {
		_, err := leaf.Verify(x509.VerifyOptions{Roots: s.trusted, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{usage}})
		return err
	}
	if err := good(x509.ExtKeyUsageAny); err != nil {
		return append(all, fmt.Sprintf("%s: %s: this server would not trust its own certificate of %s, issued by %s: %v",
			key, k.conf.KeyStore.Location, leaf.Subject, leaf.Issuer, err))
	}
	for _, use := range []struct {
		usage x509.ExtKeyUsage
		name  string
		when  string
	}{{x509.ExtKeyUsageServerAuth, "serverAuth", "where they dial"}, {x509.ExtKeyUsageClientAuth, "clientAuth", "where it dials"}} {
		if err := good(use.usage); err != nil {
			all = append(all, fmt.Sprintf("%s: %s: the extended key usage of the certificate of %s lacks %s: the others will refuse it %s",
				key, k.conf.KeyStore.Location, leaf.Subject, use.name, use.when))
		}
	}
	return all
}

// load reads the stores and looks at the own certificate's dates.
func (k *Keeper) load(now time.Time) (*Stores, error) {
	s, err := Load(k.conf)
	if err != nil || len(s.own) == 0 {
		return s, err
	}
	leaf := s.own[0].Leaf
	problem := ""
	switch {
	case now.After(leaf.NotAfter):
		problem = "expired on " + leaf.NotAfter.UTC().Format(time.RFC3339)
	case now.Before(leaf.NotBefore):
		problem = "is not valid before " + leaf.NotBefore.UTC().Format(time.RFC3339)
	default:
		return s, nil
	}
	return nil, fmt.Errorf("ssl.quorum.keyStore.location: %s: the certificate of %s %s", k.conf.KeyStore.Location, leaf.Subject, problem)
}

// read takes the files as they are now; nil for one that cannot be read.
func (k *Keeper) read() [][]byte {
	var all [][]byte
	for _, s := range []config.Store{k.conf.KeyStore, k.conf.TrustStore} {
		for _, name := range []string{s.Location, s.PasswordPath} {
			var raw []byte
			if name != "" {
				raw, _ = os.ReadFile(name) // loading says what is wrong with it
			}
			all = append(all, raw)
		}
	}
	return all
}

// Run compares the files every 10 s until ctx ends, and takes up what has changed; one that cannot be taken up is tried
// again each time. tell hears nil when new stores are in force, otherwise why the old ones stay, once for each reason.
// Differs from ZooKeeper, which has the file system tell it of a change.
func (k *Keeper) Run(ctx context.Context, tell func(error)) {
	tick := time.NewTicker(reloadTime)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			k.renew(now, tell)
		case <-ctx.Done():
			return
		}
	}
}

func (k *Keeper) renew(now time.Time, tell func(error)) {
	files := k.read()
	same := slices.EqualFunc(files, k.files, bytes.Equal)
	if same && k.failed == "" {
		return
	}
	// What failed is tried again, though nothing has changed: a certificate may become valid, a disk be there again.
	k.files = files
	stores, err := k.load(now)
	if err != nil {
		if text := err.Error(); text != k.failed {
			k.failed = text
			tell(err)
		}
		return
	}
	k.failed = ""
	k.current.Store(stores)
	tell(nil)
}
