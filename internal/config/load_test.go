package config

import (
	"errors"
	"strings"
	"testing"
	"time"

	"electnode/internal/quorum"

	"github.com/google/go-cmp/cmp"
)

const (
	base    = "tickTime=2000\ninitLimit=10\nsyncLimit=5\ndataDir=/d\n"
	three   = "server.1=a:2888:3888\nserver.2=b:2888:3888\nserver.3=c:2888:3888\n"
	threeV6 = "server.1=[::1]:2888:3888|a:2889:3889\nserver.2=b:2888:3888\nserver.3=c:2888:3888\n"
)

// loadText loads a zoo.cfg in memory, with the id 1.
func loadText(zooCfg string, more memFiles) (*Config, []Warning, error) {
	f := memFiles{"zoo.cfg": []byte(zooCfg), "/d/myid": []byte("1\n")}
	for name, content := range more {
		if f[name] = content; content == nil {
			delete(f, name)
		}
	}
	return load(f, "zoo.cfg")
}

func problems(err error) []string { return strings.Split(err.Error(), "\n") }

func TestProblems(t *testing.T) {
	for _, c := range []struct {
		name, zooCfg string
		more         memFiles
		want         []string
	}{
		{"numbers and booleans", "tickTime=2s\ninitLimit=0x5\nsyncLimit=\nmaxClientCnxns=1.5\nsslQuorum=yes\nsyncEnabled=\ndataDir=/d\n" + three, nil, []string{
			`zoo.cfg:1: tickTime: "2s" is not a whole number in range`,
			`zoo.cfg:2: initLimit: "0x5" is not a whole number in range`,
			`zoo.cfg:3: syncLimit: "" is not a whole number in range`,
			`zoo.cfg:5: sslQuorum: "yes" must be true or false`,
			`zoo.cfg:4: maxClientCnxns: "1.5" is not a whole number in range`,
			`zoo.cfg:6: syncEnabled: "" must be true or false`}},
		{"limits", "tickTime=0\ninitLimit=-1\ndataDir=/d\n" + three, nil, []string{
			`zoo.cfg:1: tickTime must be set to a positive number`,
			`zoo.cfg:2: initLimit must be set to a positive number`,
			`zoo.cfg: syncLimit must be set to a positive number`}},
		{"no dataDir", "initLimit=1\nsyncLimit=1\n" + three, nil, []string{`zoo.cfg: dataDir is missing`}},
		{"short dataDir", "initLimit=1\nsyncLimit=1\ndataDir=.\ndataLogDir=x//\n" + three, nil, []string{
			`zoo.cfg:3: dataDir: "." is too short for a relative path`,
			`zoo.cfg:4: dataLogDir: "x//" is too short for a relative path`}},
		{"electionAlg, peerType, oracle", base + "electionAlg=1\npeerType=voter\noraclePath=/o\n" + three, nil, []string{
			`zoo.cfg:6: peerType: unknown role "voter" (participant or observer)`,
			`zoo.cfg:7: oraclePath: an oracle changes what a quorum is, which electnode does not support`,
			`zoo.cfg:5: electionAlg "1": only 3 exists`}},
		{"client address", base + "clientPortAddress=h\nsecureClientPortAddress=\n" + three, nil, []string{
			`zoo.cfg:6: secureClientPortAddress: a host is missing`,
			`zoo.cfg:5: clientPortAddress needs clientPort`,
			`zoo.cfg:6: secureClientPortAddress needs secureClientPort`}},
		{"client address differs", base + "clientPort=2182\nserver.1=a:1:2;2181\nserver.2=b:1:2\nserver.3=c:1:2", nil, []string{
			`zoo.cfg:5: client address 0.0.0.0:2182 of this server differs from "0.0.0.0:2181" in server.1`}},
		{"sessions", base + "minSessionTimeout=5\nmaxSessionTimeout=4\n" + three, nil, []string{
			`zoo.cfg:6: minSessionTimeout 5 is above maxSessionTimeout 4`}},
		{"sasl", base + "quorum.auth.serverRequireSasl=true\n" + three, nil, []string{
			`zoo.cfg:5: quorum.auth.serverRequireSasl needs quorum.auth.enableSasl`,
			`zoo.cfg:5: quorum.auth.serverRequireSasl needs quorum.auth.learnerRequireSasl`}},
		{"server lines", base + "server.1=a\nserver.x=b:1:2\nserver.3=c:1:1\n", nil, []string{
			`zoo.cfg:5: server.1: "a": expected host:quorumPort:electionPort[:role][;[clientHost:]clientPort]`,
			`zoo.cfg:6: server.x: "x" is not a server id`,
			`zoo.cfg:7: server.3: quorum port and election port are both 1`}},
		{"several addresses", base + "multiAddress.enabled=False\nserver.1=a:1:2|b:1:2\n", nil, []string{
			`zoo.cfg:6: server.1 has several addresses, but multiAddress.enabled is false`}},
		{"a bad boolean is no refusal", base + "multiAddress.enabled=no\n" + threeV6, nil, []string{
			`zoo.cfg:5: multiAddress.enabled: "no" must be true or false`}},
		{"groups", base + three + "group.+01=1:9\nweight.2=-1", nil, []string{
			`zoo.cfg:9: weight.2: -1 is negative`,
			`zoo.cfg:8: group.1 names 9, which is no participant`,
			`zoo.cfg:6: server 2 is in no group`, `zoo.cfg:7: server 3 is in no group`}},
		{"no servers", base, nil, []string{`zoo.cfg: no server line: an election node needs at least one server.N`}},
		{"no voters", base + "server.1=a:1:2:observer", nil, []string{`zoo.cfg: no participant among the servers`}},
		{"an observer with one voter", base + "server.1=a:1:2\nserver.2=b:1:2:observer", nil, []string{
			`zoo.cfg: one participant with observers needs standaloneEnabled=false`}},
		{"no myid", base + three, memFiles{"/d/myid": nil}, []string{`myid file /d/myid is missing`}},
		{"bad myid", base + three, memFiles{"/d/myid": []byte("0x1\n")}, []string{`/d/myid: "0x1" is not a server id`}},
		{"unlisted myid", base + three, memFiles{"/d/myid": []byte("4\r")}, []string{`/d/myid: id 4 has no server line in zoo.cfg`}},
		{"dynamic file", base + "server.9=x:1:2\ngroup=1\ndynamicConfigFile=z.dynamic.-1\n", memFiles{
			"z.dynamic.-1": []byte(three + "version=1\nclientPort=1\n server.4=\n")}, []string{
			`zoo.cfg:5: server.9 belongs into the dynamic file z.dynamic.-1`,
			`zoo.cfg:6: group belongs into the dynamic file z.dynamic.-1`,
			`zoo.cfg:7: dynamicConfigFile: "z.dynamic.-1": the version in the name is negative`,
			`z.dynamic.-1:4: version must be in the file name, not inside`,
			`z.dynamic.-1:5: clientPort is not allowed in a dynamic file`,
			`z.dynamic.-1:6: server.4: "": expected host:quorumPort:electionPort[:role][;[clientHost:]clientPort]`}},
		{"no dynamic file", base + "dynamicConfigFile=\n", nil, []string{
			`zoo.cfg:5: dynamicConfigFile: "": cannot be read: file does not exist`}},
		{"bad next file", base + "dynamicConfigFile=z\n", memFiles{"z": []byte(three), "zoo.cfg.dynamic.next": []byte("foo=1\nversion=x\n")}, []string{
			`zoo.cfg.dynamic.next:2: version: "x" is not a hexadecimal version`}},
		{"next file without voters", base + "dynamicConfigFile=z\n", memFiles{"z": []byte(three), "zoo.cfg.dynamic.next": []byte("version=5")}, []string{
			`zoo.cfg.dynamic.next: no participant among the servers`}},
		{"bad escape", "a=\\u12\nb=\\u\n" + three, nil, []string{
			`zoo.cfg:1: malformed \u escape in a`, `zoo.cfg:2: malformed \u escape in b`}},
		{"passed keys", base + three + "cnxTimeout=5s\ntcpKeepAlive=yes\nelectionPortBindRetry=0x3\nfastleader.minNotificationInterval=0\n", nil, []string{
			`zoo.cfg:11: fastleader.minNotificationInterval: "0" is not a whole number in range: at least 1 is needed`,
			`zoo.cfg:10: electionPortBindRetry: "0x3" is not a whole number in range`,
			`zoo.cfg:8: cnxTimeout: "5s" is not a whole number in range`,
			`zoo.cfg:9: tcpKeepAlive: "yes" must be true or false`}},
		{"own keys", base + three + "electnode.voter=maybe\nelectnode.lab.lastZxid=12\nelectnode.nothing=\nelectnode.web.peers=http://a:7000,b:7000\n", nil, []string{
			`zoo.cfg:8: electnode.voter: "maybe" must be strict, echo or refuse`,
			`zoo.cfg:9: electnode.lab.lastZxid: "12" is not a zxid of the form 0x500000001`,
			`zoo.cfg:11: electnode.web.peers: "b:7000" is no address of the form http://zoo1:7000`,
			`zoo.cfg:10: electnode.nothing is not a key that electnode knows`}},
		{"stores", base + three + "sslQuorum=true\nssl.quorum.keyStore.location=/k.jks\nssl.quorum.trustStore.location=/t\n" +
			"ssl.quorum.context.supplier.class=x.Y\nssl.quorum.clientAuth=always\n", nil, []string{
			`zoo.cfg:12: ssl.quorum.clientAuth: "always" must be none, want or need`,
			`zoo.cfg:11: ssl.quorum.context.supplier.class: "x.Y" is a Java class, which electnode cannot use`,
			`zoo.cfg:9: ssl.quorum.keyStore.location: electnode cannot read JKS stores: convert it to PEM or PKCS12`,
			`zoo.cfg:10: ssl.quorum.trustStore.location: "/t": the name does not tell the type of the store; set ssl.quorum.trustStore.type to PEM or PKCS12`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := loadText(c.zooCfg, c.more)
			if err == nil {
				t.Fatal("accepted")
			}
			if diff := cmp.Diff(c.want, problems(err)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			var p *Problem
			if !errors.As(err, &p) {
				t.Errorf("%T is no Problem", err)
			}
		})
	}
	if _, _, err := load(memFiles{}, "/none/zoo.cfg"); err == nil || err.Error() != "/none/zoo.cfg: cannot be read: file does not exist" {
		t.Error(err)
	}
}

func TestWarnings(t *testing.T) {
	for _, c := range []struct {
		name, zooCfg string
		want         []string
	}{
		{"none", base + three, nil},
		{"byte order mark", "\xef\xbb\xbf# c\n" + base + three, []string{"zoo.cfg:1: bom"}},
		{"ids", base + "server.0=z:1:2\nserver.300=y:1:2\n" + three + "server.4=x:1:2:observer", []string{"zoo.cfg:5: sid_range", "zoo.cfg:6: sid_range"}},
		{"several addresses", base + threeV6, []string{"zoo.cfg:5: multi_address_on"}},
		{"keys without effect", base + three + "zookeeper.cnxTimeout=1\njute.maxbuffer=1\n", []string{"zoo.cfg:9: jvm_only_key", "zoo.cfg:8: zookeeper_prefix"}},
		{"TLS keys", base + three + "sslQuorum=true\nssl.quorum.crlEnabled=true\nssl.quorum.clientauth=none\nssl.quorum.clientHostnameVerification=false\n",
			[]string{"zoo.cfg:10: tls_key_unknown", "zoo.cfg:9: tls_key_unknown"}},
		{"TLS keys without TLS", base + three + "ssl.quorum.crlEnabled=true\n", nil},
		{"relative", "initLimit=1\nsyncLimit=1\ndataDir=./d\ndataLogDir=log\n" + three, []string{"zoo.cfg:4: relative_path"}},
		{"sasl", base + three + "quorum.auth.enableSasl=true", []string{"zoo.cfg:8: sasl_not_spoken"}},
		{"own", base + three + "electnode.voter=echo\nelectnode.lab.lastZxid=0x500000001", []string{"zoo.cfg:8: voter_echo", "zoo.cfg:9: lab_zxid"}},
		{"role", base + three + "peerType=observer", []string{"zoo.cfg:8: peer_type_mismatch"}},
		{"even", base + three + "server.4=d:1:2\nautopurge.snapRetainCount=2", []string{"zoo.cfg:9: snap_retain_raised", "zoo.cfg: even_voters"}},
	} {
		cfg, warnings, err := loadText(c.zooCfg, memFiles{"d/myid": []byte("1"), "./d/myid": []byte("1")})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		var got []string
		for _, w := range warnings {
			got = append(got, where(w.File, w.Line)+w.Code)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.name, diff)
		}
		if cfg.MyID != 1 {
			t.Errorf("%s: id %d", c.name, cfg.MyID)
		}
	}
}

func TestSettings(t *testing.T) {
	cfg, _, err := loadText(base+threeV6+"clientPort=2181\nclientPortAddress=[::]\n4lw.commands.whitelist=stat, ruok ,,stat\ncnxTimeout=1500\n"+
		"electionPortBindRetry=-7\nfastleader.maxNotificationInterval=10000\nquorumCnxnTimeoutMs=-5\nelectnode.lab.lastZxid=0x500000001\n"+
		"electnode.voter=refuse\nsslQuorum=true\nssl.quorum.keyStore.location=/k.pem\nssl.quorum.trustStore.type=pkcs12\n"+
		"ssl.quorum.trustStore.location=/t\nssl.quorum.handshakeDetectionTimeoutMillis=0\n"+
		"ssl.quorum.clientHostnameVerification=false\nssl.quorum.allowReverseDnsLookup=FALSE\nobserverMasterPort=7\nelectnode.web.peers=http://a:7000/, https://b\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := Network{MinNotification: 200 * time.Millisecond, MaxNotification: 10 * time.Second, ConnectTimeout: 1500 * time.Millisecond,
		BindRetry: 3, ObserverElectionDelay: 200 * time.Millisecond, MaxWaitForEpoch: -time.Millisecond, LeaderConnectDelay: 100 * time.Millisecond}
	if diff := cmp.Diff(want, cfg.Network); diff != "" {
		t.Errorf("network (-want +got)\n%s", diff)
	}
	tls := defaultTLS()
	tls.Quorum, tls.KeyStore, tls.TrustStore = true, Store{Location: "/k.pem", Type: "PEM"}, Store{Location: "/t", Type: "PKCS12"}
	tls.ClientHostnameVerification, tls.ReverseLookup = false, false
	if diff := cmp.Diff(tls, cfg.TLS); diff != "" {
		t.Errorf("tls (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff(Own{Voter: VoterRefuse, LabZxid: 0x500000001, WebPeers: []string{"http://a:7000", "https://b"}}, cfg.Own); diff != "" {
		t.Errorf("own (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"ruok", "srvr", "stat"}, cfg.Commands); diff != "" {
		t.Errorf("commands (-want +got)\n%s", diff)
	}
	if cfg.AllowsCommand("mntr") || !cfg.AllowsCommand("srvr") {
		t.Error("commands")
	}
	if diff := cmp.Diff([]string{"[0:0:0:0:0:0:0:1]:3888", "a:3889"}, cfg.ElectionListen()); diff != "" {
		t.Errorf("listen (-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"[0:0:0:0:0:0:0:1]:3888", "a:3889"}, cfg.Announce()); diff != "" {
		t.Errorf("announce (-want +got)\n%s", diff)
	}
	if cfg.ClientAddress != "[0:0:0:0:0:0:0:0]:2181" || cfg.HandshakeTimeout() != 10*time.Second || !cfg.MultiAddress {
		t.Errorf("%q, %v", cfg.ClientAddress, cfg.HandshakeTimeout())
	}
	if diff := cmp.Diff([]Unused{{"observerMasterPort", "7", 24}}, cfg.Unused); diff != "" {
		t.Errorf("unused (-want +got)\n%s", diff)
	}
}

func TestListenOnAllAddresses(t *testing.T) {
	cfg, _, err := loadText(base+"quorumListenOnAllIPs=true\nserver.1=a:2888:3888|b:2888:3888|c:2889:3889\nserver.2=b:1:2\nserver.3=c:1:2\n", nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{":3888", ":3889"}, cfg.ElectionListen()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{":2888", ":2889"}, cfg.QuorumListen()); diff != "" {
		t.Error(diff)
	}
}

func TestOneServerAlone(t *testing.T) {
	cfg, _, err := loadText("dataDir=/d\nserver.1=a:1:2", nil)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Distributed || cfg.InitTicks() != 10 || cfg.SyncTicks() != 5 || cfg.HandshakeTimeout() != 5*time.Second {
		t.Errorf("%+v", cfg)
	}
}

func TestNextMembership(t *testing.T) {
	dynamic := base + "dynamicConfigFile=z.100000000\n"
	for text, want := range map[string]quorum.Version{"version=100000005\n": 0x100000005, "version=100000000\n": 0, "": 0} {
		cfg, _, err := loadText(dynamic, memFiles{"z.100000000": []byte(three), "zoo.cfg.dynamic.next": []byte("foo=1\nserver.1=a:1:2\n" + text)})
		if err != nil {
			t.Fatal(err)
		}
		if cfg.View.Version() != 0x100000000 {
			t.Errorf("version %s", cfg.View.Version())
		}
		if got := cfg.LastSeen; (got != nil) != (want != 0) || got != nil && got.Version() != want {
			t.Errorf("%q: %v", text, got)
		}
		if cfg.Effective().LastSeenVersion == nil {
			t.Errorf("%q: not shown", text)
		}
	}
}

// FuzzLoad: refusing is fine; a panic, or a refusal without a reason, is not.
func FuzzLoad(f *testing.F) {
	for _, c := range readCases(f) {
		dynamic, myid := "", "1"
		if c.DynamicCfg != nil {
			dynamic = *c.DynamicCfg
		}
		if c.MyID != nil {
			myid = *c.MyID
		}
		f.Add([]byte(strings.ReplaceAll(c.ZooCfg, "@DIR@", "")), []byte(dynamic), []byte(c.ExtraFiles["zoo.cfg.dynamic.next"]), myid)
	}
	f.Fuzz(func(t *testing.T, zooCfg, dynamic, next []byte, myid string) {
		cfg, warnings, err := load(memFiles{"/zoo.cfg": zooCfg, "/zoo.cfg.dynamic": dynamic, "/zoo.cfg.dynamic.next": next,
			"/data/myid": []byte(myid)}, "/zoo.cfg")
		for _, w := range warnings {
			if w.Code == "" || w.String() == "" {
				t.Fatalf("%+v", w)
			}
		}
		if err != nil {
			if err.Error() == "" {
				t.Fatal("no reason")
			}
			return
		}
		cfg.Effective()
		if len(cfg.ElectionListen()) == 0 || len(cfg.Announce()) == 0 || cfg.HandshakeTimeout() <= 0 {
			t.Fatalf("%+v", cfg)
		}
		back, err := quorum.ParseText(cfg.View.Text(), cfg.ParseOptions())
		if err != nil || back.Text() != cfg.View.Text() {
			t.Fatalf("%q cannot be sent: %v", cfg.View.Text(), err)
		}
	})
}
