package config

import (
	"strings"
	"testing"

	"electnode/internal/quorum"

	"github.com/google/go-cmp/cmp"
)

// secured is what names of peers need besides.
const secured = base + three + "sslQuorum=true\n"

func TestPeerNames(t *testing.T) {
	cfg, _, err := loadText(secured+"electnode.checkPeerAddress=true\nelectnode.peerNames=1=Zoo1.Example,1=zoo1b.example , 2=10.0.0.2,"+
		"2=::ffff:10.0.0.2,3=spiffe://x/zoo3,3=::1,-9=watcher_1\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[quorum.SID][]string{1: {"zoo1.example", "zoo1b.example"}, 2: {"10.0.0.2"}, 3: {"spiffe://x/zoo3", "::1"}, -9: {"watcher_1"}}
	if diff := cmp.Diff(want, cfg.Own.PeerNames); diff != "" || !cfg.Own.CheckPeerAddress {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := cfg.Effective().PassedThrough["electnode.peerNames"]; !strings.HasPrefix(got, "1=Zoo1.Example,") {
		t.Errorf("--json has %q", got)
	}
	if cfg, _, err = loadText(base+three+"electnode.checkPeerAddress=true\n", nil); err != nil || cfg.Own.PeerNames != nil {
		t.Errorf("addresses alone need TLS: %v", err)
	}
}

// TestPeerNamesRefused: a guard that does not stand where everybody must pass is refused, and so is one whom a name leaves
// in doubt.
func TestPeerNamesRefused(t *testing.T) {
	const all = "1=a,2=b,3=c"
	for name, c := range map[string]struct {
		zooCfg, names string
		more          memFiles
		want          []string // behind the key
	}{
		"no TLS": {base + three, all, nil, []string{" needs sslQuorum=true: without TLS nobody shows a certificate"}},
		"everything off": {base + three + "portUnification=true\nssl.quorum.clientAuth=want\n", all, nil, []string{
			" needs sslQuorum=true: without TLS nobody shows a certificate",
			" needs portUnification=false: whoever comes without TLS shows no certificate",
			" needs ssl.quorum.clientAuth=need: otherwise callers may come without a certificate"}},
		"no certificates asked for": {secured + "ssl.quorum.clientAuth=none\n", all, nil, []string{
			" needs ssl.quorum.clientAuth=need: otherwise callers may come without a certificate"}},
		"members missing": {secured, "2=b,9=x", nil, []string{" has no name for 1 3: every member needs one"}},
		"a member to come is missing": {base + "sslQuorum=true\ndynamicConfigFile=z\n", all, memFiles{"z": []byte(three),
			"zoo.cfg.dynamic.next": []byte(three + "server.4=d:1:2\nversion=5\n")}, []string{" has no name for 4: every member needs one"}},
		"nobody":        {secured, " , ", nil, []string{": it names nobody: an entry is of the form 1=zoo1.example"}},
		"no sid":        {secured, "zoo1", nil, []string{`: "zoo1" is not of the form 1=zoo1.example`}},
		"a bad sid":     {secured, "one=zoo1", nil, []string{`: "one=zoo1" is not of the form 1=zoo1.example`}},
		"a name of two": {secured, "1=a,2=b,3=A", nil, []string{`: "a" belongs to 1 and to 3`}},
		"an address of two, in two spellings": {secured, "1=10.0.0.1,2=b,3=::ffff:10.0.0.1", nil,
			[]string{`: "10.0.0.1" belongs to 1 and to 3`}},
		"a wildcard": {secured, "1=*.example", nil, []string{`: "1=*.example": a wildcard names everybody`}},
		"a zone":     {secured, "1=fe80::1%eth0", nil, []string{`: "1=fe80::1%eth0": no certificate has an address with a zone`}},
		"no name":    {secured, "1=", nil, []string{`: "1=": it is no DNS name, no IP address and no URI`}},
		"a dot":      {secured, "1=zoo1.", nil, []string{`: "1=zoo1.": it is no DNS name, no IP address and no URI`}},
		"a subject":  {secured, "1=CN=zoo1", nil, []string{`: "1=CN=zoo1": it is no DNS name, no IP address and no URI`}},
		"a port": {secured, "1=zoo1:2888", nil, []string{`: "1=zoo1:2888": it is no DNS name, no IP address and no URI of the ` +
			`form spiffe://example/zoo1`}},
	} {
		_, _, err := loadText(c.zooCfg+"electnode.peerNames="+c.names+"\n", c.more)
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		var got []string
		for _, p := range problems(err) {
			_, text, _ := strings.Cut(p, ": ")
			got = append(got, strings.TrimPrefix(text, "electnode.peerNames"))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	many := strings.Repeat("1=a,", maxPeerNames+1)
	if _, _, err := loadText(secured+"electnode.peerNames="+many+"\n", nil); err == nil || !strings.Contains(err.Error(), "more than 1024 names") {
		t.Errorf("a list without end: %v", err)
	}
}
