package quorum

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseServer(t *testing.T) {
	one := func(host string, q, e int) []Address { return []Address{{host, q, e}} }
	for _, c := range []struct {
		value string
		want  Server
	}{
		{"h:2888:3888", Server{Member: Member{Addresses: one("h", 2888, 3888)}}},
		{"h:+2888:03888::", Server{Member: Member{Addresses: one("h", 2888, 3888)}}},
		{"h:0:65535: OBServer ;", Server{Member: Member{Role: Observer, Addresses: one("h", 0, 65535)}}},
		{"h:1:2|;2181;", Server{Member: Member{Addresses: one("h", 1, 2), Client: "0.0.0.0:2181"}}},
		{"h:1:2;C:2181", Server{Member: Member{Addresses: one("h", 1, 2), Client: "C:2181"}}},
		{"h:1:2;[::1]:2181", Server{Member: Member{Addresses: one("h", 1, 2), Client: "[0:0:0:0:0:0:0:1]:2181"}}},
		{"[2001:DB8::00a1]:1:2", Server{Member: Member{Addresses: one("2001:db8:0:0:0:0:0:a1", 1, 2)}}},
		{"[::ffff:10.0.0.3]:1:2", Server{Member: Member{Addresses: one("10.0.0.3", 1, 2)}}},
		{"[::ffff:a00:3]:1:2", Server{Member: Member{Addresses: one("10.0.0.3", 1, 2)}}},
		{"[fe80::1%09]:1:2", Server{Member: Member{Addresses: one("fe80:0:0:0:0:0:0:1%9", 1, 2)}}},
		{"[FE80::1%eth0]:1:2", Server{Member: Member{Addresses: one("FE80::1%eth0", 1, 2)}}},
		{"[Zoo1]:1:2", Server{Member: Member{Addresses: one("Zoo1", 1, 2)}}},
		{"127.1:1:2", Server{Member: Member{Addresses: one("127.1", 1, 2)}}},
		{"b:1:2|a:3:4,c:5:6:observer;7", Server{Several: true, Member: Member{Role: Observer, Client: "0.0.0.0:7",
			Addresses: []Address{{"a", 3, 4}, {"b", 1, 2}, {"c", 5, 6}}}}},
		{"a:1:2|A:1:2", Server{Several: true, Member: Member{Addresses: one("a", 1, 2)}}},
		{"a:3:4|a:1:2", Server{Several: true, Member: Member{Addresses: []Address{{"a", 1, 2}, {"a", 3, 4}}}}},
		{"\U0001F600:1:2|\uFFFD:3:4", Server{Several: true, Member: Member{
			Addresses: []Address{{"\U0001F600", 1, 2}, {"\uFFFD", 3, 4}}}}},
	} {
		c.want.Member.SID = 7
		got, bad := ParseServer("server.7", 7, c.value, LineOptions{})
		if bad != nil {
			t.Errorf("%s: %v", c.value, bad)
			continue
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.value, diff)
		}
	}
}

func TestParseServerRefuses(t *testing.T) {
	for value, mention := range map[string]string{
		"":                                 "expected host",
		";":                                "expected host",
		";2181":                            "expected host",
		"|":                                "needs an address",
		",;2181":                           "needs an address",
		"h":                                "expected host",
		"h:1":                              "expected host",
		"|h:1:2":                           "expected host",
		"h:1:2:observer:5":                 "expected host",
		"::1:2888:3888":                    "expected host",
		":1:2":                             "host is missing",
		"[]:1:2":                           "host is missing",
		`a\b:1:2`:                          "backslash",
		"a\nb:1:2":                         "control character",
		" a:1:2":                           "begins with a blank",
		"[[a]:1:2":                         "bracket",
		"[::1:1:2":                         `"[" without "]:"`,
		"[::1]1:2":                         `"[" without "]:"`,
		"[::1]":                            `"[" without "]:"`,
		"[::1]:":                           "expected host",
		"h:x:2":                            `"x" is not a port`,
		"h:1:2 ":                           `"2 " is not a port`,
		"h:1: 2":                           `" 2" is not a port`,
		"h:-1:2":                           `"-1" is not a port`,
		"h:1:65536":                        `"65536" is not a port`,
		"h:1:99999999999":                  "is not a port",
		"h:5:5":                            "quorum port and election port are both 5",
		"h:1:2:leader":                     `unknown role "leader"`,
		"h:1:2: ":                          `unknown role " "`,
		"h:1:2:ob\u017Ferver":              "unknown role",
		"h:1:2;x":                          `"x" is not a port`,
		"h:1:2;:2181":                      "client part: a host is missing",
		"h:1:2;a:":                         `"a" is not a port`,
		"h:1:2;:":                          "expected host",
		"h:1:2;a:b:1":                      "expected host",
		"h:1:2;2181;2281":                  "expected host",
		"h:1:2;;2281":                      "expected host",
		"h:1:2;[::1]":                      `"[" without "]:"`,
		"a:1:2|b:1:2 ":                     "is not a port",
		"a:1:2:observer|b:1:2:participant": "different roles",
		"a:1:2|a:3:2":                      "share the host",
		"a:1:2|a:1:3":                      "share the host",
		"a:1:2|A:1:3":                      "share the host",
	} {
		got, bad := ParseServer("server.7", 7, value, LineOptions{})
		if bad == nil || !strings.Contains(bad.Text, mention) || !strings.Contains(bad.Text, "server.7") {
			t.Errorf("%q: %+v, %v; want %q", value, got, bad, mention)
		}
	}
	if _, bad := ParseServer("server.7", 7, "a:1:2|a:1:2", LineOptions{RefuseMultiAddress: true}); bad == nil ||
		!strings.Contains(bad.Text, "multiAddress.enabled is false") {
		t.Error(bad)
	}
}

func TestReadMembersNamesEveryProblem(t *testing.T) {
	props, _ := ParseProperties("server.=h:1:2\nserver.x=h:1:2\nserver.9223372036854775807=h:1:2\n" +
		"server.1=h:1:2\nserver.01=g:1:2\ngroups=1\ngroup.1=\ngroup.2=1: 2\ngroup.3=::\ngroup.5=1:2:\ngroup.05=3\n" +
		"weight.1=1 \nweighting.2=2\nweight.2=2\nversion=1 \nversion=-1\nother=1")
	lines, bad := ReadMembers(props, LineOptions{RefuseForeign: true})
	var got []string
	for _, p := range bad {
		got = append(got, p.Error())
	}
	want := []string{
		`line 1: server.: "" is not a server id`,
		`line 2: server.x: "x" is not a server id`,
		`line 3: server.9223372036854775807: "9223372036854775807" is not a server id`,
		`line 5: server.1 and server.01 are the same id`,
		`line 6: groups: "groups" is not a whole number in range`,
		`line 7: group.1: "" is not a whole number in range`,
		`line 8: group.2: " 2" is not a whole number in range`,
		`line 9: group.3: no server is in it`,
		`line 11: group.5 and group.05 are the same id`,
		`line 12: weight.1: "1 " is not a whole number in range`,
		`line 14: weighting.2 and weight.2 are the same id`,
		`line 16: version: "-1" is not a hexadecimal version`,
		`line 17: "other" is not allowed among member lines`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if len(lines.Spec.Members) != 1 {
		t.Errorf("%+v", lines.Spec)
	}
}
