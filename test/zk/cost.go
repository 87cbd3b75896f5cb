package zk

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// clockTick is the unit of the times in /proc/PID/stat: a hundredth of a second on every Linux.
const clockTick = 10 * time.Millisecond

// Cost is what a server takes of its machine.
type Cost struct {
	Threads  int
	CPU      time.Duration // since its start
	Heap     int64         // bytes in use after a collection
	LogLines int           // since its first start
}

// Cost asks the kernel, and the JVM after a collection.
func (s *Server) Cost() Cost {
	s.t.Helper()
	c := Cost{Heap: s.heap(), Threads: s.Threads(), CPU: s.cpu()}
	c.LogLines = strings.Count(s.Log(), "\n")
	return c
}

// Threads counts the threads of the running process.
func (s *Server) Threads() int {
	s.t.Helper()
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", s.PID()))
	must(s.t, err)
	return len(tasks)
}

// cpu is the time that the process has worked, in user and in system mode.
func (s *Server) cpu() time.Duration {
	s.t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.PID()))
	must(s.t, err)
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:])) // the name may have blanks in it
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		must(s.t, err)
		ticks += n
	}
	return time.Duration(ticks) * clockTick
}

// used is what GC.heap_info says of each part of the heap.
var used = regexp.MustCompile(`(?m)^ *(?:def new|tenured) generation +total \d+K, used (\d+)K`)

func (s *Server) heap() int64 {
	s.t.Helper()
	pid := strconv.Itoa(s.PID())
	if out, err := exec.Command("jcmd", pid, "GC.run").CombinedOutput(); err != nil {
		s.t.Fatalf("jcmd GC.run: %v\n%s", err, out)
	}
	out, err := exec.Command("jcmd", pid, "GC.heap_info").CombinedOutput()
	if err != nil {
		s.t.Fatalf("jcmd GC.heap_info: %v\n%s", err, out)
	}
	var total int64
	parts := used.FindAllSubmatch(out, -1)
	for _, p := range parts {
		n, err := strconv.ParseInt(string(p[1]), 10, 64)
		must(s.t, err)
		total += n << 10
	}
	if len(parts) != 2 {
		s.t.Fatalf("jcmd GC.heap_info says:\n%s", out)
	}
	return total
}
