package watch

import (
	"net"
	"strconv"
	"testing"

	"electnode/internal/quorum"
)

// FuzzTarget: whatever is given as a target, it is an address that can be dialled, in the one way to write it, or refused.
func FuzzTarget(f *testing.F) {
	for _, text := range []string{"zk1:3888", "1=zk1:3888", "-1=zk1:3888", "[::1]:3888", "2=[fe80::1%eth0]:3888", "=a:1", "a:0", ":1", "0.0.0.0:1", "[::]:1",
		"a:+1", "a:01", "+1=a:1", "9223372036854775807=a:1", "-9223372036854775808=a:1", "1=2=a:1", "[::ffff:0.0.0.0]:1", "[a]:1", "a:65536"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		target, err := ParseTarget(text)
		if err != nil {
			return
		}
		host, port, err := net.SplitHostPort(target.Address)
		if err != nil || host == "" || unspecified(host) || target.SID == quorum.AnonymousSID {
			t.Errorf("%q is %+v, %v", text, target, err)
		}
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			t.Errorf("%q: port %q", text, port)
		}
		if again, err := ParseTarget(target.String()); err != nil || again != target {
			t.Errorf("%q is %+v, and again %+v, %v", text, target, again, err)
		}
	})
}
