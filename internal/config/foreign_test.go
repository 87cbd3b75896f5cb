package config

import (
	"strings"
	"testing"
)

// TestLoadForeign takes a file whose myid and data are elsewhere, and says what is wrong with one as Load does.
func TestLoadForeign(t *testing.T) {
	f := memFiles{"zoo.cfg": []byte(base + three + "sslQuorum=true\nssl.quorum.keyStore.location=/k.pem\n")}
	cfg, _, err := loadForeign(f, "zoo.cfg")
	if err != nil || len(cfg.View.Voters()) != 3 || cfg.MyID != 0 || !cfg.TLS.Quorum || cfg.TLS.KeyStore.Type != "PEM" {
		t.Fatalf("%+v, %v", cfg, err)
	}
	if _, _, err := load(f, "zoo.cfg"); err == nil || !strings.Contains(err.Error(), "myid") {
		t.Errorf("Load wants no myid: %v", err)
	}
	f["zoo.cfg"] = []byte(base + "server.1=a:b:c\n")
	if _, _, err := loadForeign(f, "zoo.cfg"); err == nil || !strings.HasPrefix(err.Error(), "zoo.cfg:5: server.1: ") {
		t.Errorf("%v", err)
	}
	if _, _, err := loadForeign(f, "none.cfg"); err == nil || !strings.HasPrefix(err.Error(), "none.cfg: ") {
		t.Errorf("%v", err)
	}
}
