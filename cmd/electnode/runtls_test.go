package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestRunTLS: run reads the stores before anything else happens; a store that is no good is exit status 2 and one line
// with file and key. config accepts all of them as a real server's loader does, and warns with the same line, or of a
// certificate that nobody can trust.
func TestRunTLS(t *testing.T) {
	cert, key := selfSigned(t)
	strange, _ := selfSigned(t)
	dir := written(t, map[string]string{"myid": "1\n", "own.pem": key + cert, "cut.pem": key[:40], "mixed.pem": key + strange,
		"ca.pem": cert, "strange.pem": strange})
	in := func(name string) string { return filepath.Join(dir, name) }
	base := strings.ReplaceAll(zooCfg, "/nowhere", dir)
	for _, c := range []struct {
		switches, own, trust string
		want                 []string // of the line; nil: accepted
		warn                 string
	}{
		{"sslQuorum=true", "own.pem", "ca.pem", nil, ""},
		{"portUnification=true", "own.pem", "ca.pem", nil, ""},
		{"sslQuorum=true", "own.pem", "strange.pem", nil, "would not trust its own certificate"},
		{"sslQuorum=false", "none.pem", "none.pem", nil, ""},
		{"sslQuorum=true", "none.pem", "ca.pem", []string{"ssl.quorum.keyStore.location", "none.pem", "no such file"}, ""},
		{"sslQuorum=true", "cut.pem", "ca.pem", []string{"ssl.quorum.keyStore.location", "cut.pem", "no private key"}, ""},
		{"portUnification=true", "mixed.pem", "ca.pem", []string{"ssl.quorum.keyStore.location", "mixed.pem", "not that of the key"}, ""},
		{"sslQuorum=true", "own.pem", "myid", []string{"ssl.quorum.trustStore.location", "myid", "no certificate"}, ""},
	} {
		file := filepath.Join(written(t, map[string]string{"zoo.cfg": base + c.switches + "\nssl.quorum.keyStore.location=" + in(c.own) +
			"\nssl.quorum.trustStore.location=" + in(c.trust) + "\nssl.quorum.trustStore.type=PEM\n"}), "zoo.cfg")
		commands := []string{"config"}
		if c.want != nil {
			commands = append(commands, "run")
		}
		for _, command := range commands {
			code, _, errs := executed(command, file)
			status, prefix := 0, "warning: "
			if command == "run" {
				status, prefix = 2, "electnode: "
			}
			if code != status {
				t.Errorf("%s: exit %d, %s", command, code, errs)
			}
			for _, want := range append(c.want, c.warn) {
				if !strings.Contains(errs, want) {
					t.Errorf("%s: %q is not in %s", command, want, errs)
				}
			}
			if c.want != nil && (!strings.Contains(errs, prefix+file+": ") || strings.Count(errs, "ssl.quorum.") != 1) {
				t.Errorf("%s: not one line with the file: %s", command, errs)
			}
		}
	}
}
