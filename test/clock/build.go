package clock

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// fileVariable names the file in which a process finds by how many seconds its wall clock is wrong.
const fileVariable = "ELECTNODE_TEST_CLOCK"

// The places of the standard library's time.Now that are changed. A Go that has them differently fails the build here,
// with a clear word, and does not pass for tested.
const (
	before = "\tsec, nsec, mono := runtimeNow()\n\tif mono == 0 {\n\t\treturn Time{uint64(nsec), sec + unixToInternal, Local}"
	after  = "\tsec, nsec, mono := runtimeNow()\n\tsec += wrongBy()\n\tif mono == 0 {\n\t\treturn Time{uint64(nsec), sec + unixToInternal, Local}"
)

// wrong is the file that the library gets in addition.
const wrong = `package time

import (
	"sync/atomic"
	"syscall"
	"unsafe"
)

var wrongSeconds = shared()

func shared() *int64 {
	path, ok := syscall.Getenv("` + fileVariable + `")
	if !ok {
		return new(int64)
	}
	fd, err := syscall.Open(path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		panic(path + ": " + err.Error())
	}
	b, err := syscall.Mmap(fd, 0, 8, syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		panic(path + ": " + err.Error())
	}
	return (*int64)(unsafe.Pointer(&b[0]))
}

func wrongBy() int64 { return atomic.LoadInt64(wrongSeconds) }
`

// Build builds cmd/electnode into dir with a wall clock that Clock moves, and gives the program's path.
func Build(dir string) (program string, err error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("go env: %w", err)
	}
	library := filepath.Join(strings.TrimSpace(string(root)), "src", "time")
	source, err := os.ReadFile(filepath.Join(library, "time.go"))
	if err != nil {
		return "", err
	}
	if strings.Count(string(source), before) != 1 {
		return "", fmt.Errorf("%s: time.Now is not as it was in Go 1.26: the change for clocks that jump does not fit", library)
	}
	changed := map[string]string{
		"time.go":  strings.Replace(string(source), before, after, 1),
		"wrong.go": wrong,
	}
	replace := map[string]string{}
	for name, text := range changed {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return "", err
		}
		replace[filepath.Join(library, name)] = path
	}
	overlay := filepath.Join(dir, "overlay.json")
	raw, err := json.Marshal(map[string]any{"Replace": replace})
	if err == nil {
		err = os.WriteFile(overlay, raw, 0o644)
	}
	if err != nil {
		return "", err
	}
	program = filepath.Join(dir, "electnode-clock")
	build := exec.Command("go", "build", "-trimpath", "-overlay", overlay, "-o", program, "electnode/cmd/electnode")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return program, nil
}

// Clock is the wall clock of one process.
type Clock struct{ path string }

// NewClock makes a right clock whose state is a file in dir.
func NewClock(dir string) (*Clock, error) {
	c := &Clock{filepath.Join(dir, "clock")}
	return c, c.Wrong(0)
}

// Variable is what the process must have in its environment.
func (c *Clock) Variable() string { return fileVariable + "=" + c.path }

// Wrong sets by how much the clock is wrong from now on, in whole seconds. It is not moved smoothly: it jumps.
func (c *Clock) Wrong(d time.Duration) error {
	f, err := os.OpenFile(c.path, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	var seconds [8]byte
	binary.NativeEndian.PutUint64(seconds[:], uint64(int64(d/time.Second)))
	if _, err := f.WriteAt(seconds[:], 0); err != nil { // one write of the place that the process looks at
		_ = f.Close() // the first error says it
		return err
	}
	return f.Close()
}
