package lab

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// Require leaves a test out, with the reason, where no laboratory can be made; with CI=true it fails instead.
func Require(t testing.TB) {
	t.Helper()
	err := Possible()
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("left out, and CI=true: %v", err)
	default:
		t.Skipf("left out: %v", err)
	}
}

// Possible says what is missing for a laboratory; nil: nothing.
func Possible() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("hosts are network namespaces, which only root can make")
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		return fmt.Errorf("hosts have TUN devices: %w", err)
	}
	if _, err := exec.LookPath("ip"); err != nil {
		return fmt.Errorf("iproute2 is missing, scripts/setup.sh installs it: %w", err)
	}
	h, err := openHost(1)
	if err != nil {
		return fmt.Errorf("a host cannot be made: %w", err)
	}
	h.Close()
	return nil
}
