package sample

import (
	"bufio"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Machine is where a run was made, and with what. What cannot be had is empty.
type Machine struct {
	CPU        string `json:"cpu"`
	Cores      int    `json:"cores"` // that the run may use
	Kernel     string `json:"kernel"`
	FileSystem string `json:"file_system"` // that the servers' data is on: its type and device
	Go         string `json:"go"`
	Java       string `json:"java"`
	ZooKeeper  string `json:"zookeeper"`
	Etcd       string `json:"etcd"`
	Commit     string `json:"commit"` // of electnode; with + when files differ from it
}

// Here asks this machine. dataDir is where the servers keep their data.
func Here(dataDir string) Machine {
	return Machine{CPU: cpu(), Cores: runtime.GOMAXPROCS(0), Kernel: kernel(), FileSystem: fileSystem(dataDir),
		Go: strings.TrimPrefix(runtime.Version(), "go"), Java: java(), ZooKeeper: jarVersion(), Etcd: etcd(), Commit: commit()}
}

func kernel() string {
	raw, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return runtime.GOOS
	}
	return "Linux " + strings.TrimSpace(string(raw))
}

func cpu() string {
	raw, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	for text := range strings.Lines(string(raw)) {
		if name, ok := strings.CutPrefix(text, "model name"); ok {
			return strings.TrimLeft(strings.TrimSpace(name), ": ")
		}
	}
	return runtime.GOARCH
}

// fileSystem is the mount that dir is on: the longest mount point that dir is below.
func fileSystem(dir string) string {
	raw, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return ""
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	return mountOf(raw, dir)
}

// mountOf finds the mount of dir in a table of mounts. Of two at the same place the later one is seen.
func mountOf(table []byte, dir string) string {
	best, found := "", ""
	lines := bufio.NewScanner(bytes.NewReader(table))
	for lines.Scan() {
		f := strings.Fields(lines.Text()) // device, mount point, type, ...
		if len(f) < 3 || len(f[1]) < len(best) {
			continue
		}
		if f[1] == "/" || dir == f[1] || strings.HasPrefix(dir, f[1]+"/") {
			best, found = f[1], f[2]+" on "+f[0]
		}
	}
	return found
}

// output is the first line of what a program prints, be it on standard output or error; empty: it cannot be run.
func output(name string, args ...string) string {
	out, err := exec.Command(name, args...).CombinedOutput()
	if err != nil {
		return ""
	}
	first, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimSpace(first)
}

// java is the kind and the version: openjdk 17.0.15.
func java() string {
	return strings.ReplaceAll(strings.ReplaceAll(output("java", "-version"), `"`, ""), " version ", " ")
}

func etcd() string { return strings.TrimPrefix(output("etcd", "--version"), "etcd Version: ") }

// jarVersion is what the name of ZooKeeper's jar says, which has one with a version beside that without.
func jarVersion() string {
	jars, err := filepath.Glob("/usr/share/java/zookeeper-[0-9]*.jar")
	if err != nil || len(jars) == 0 {
		return ""
	}
	return strings.TrimPrefix(strings.TrimSuffix(filepath.Base(jars[0]), ".jar"), "zookeeper-")
}

func commit() string {
	rev := output("git", "rev-parse", "--short=12", "HEAD")
	if rev != "" && exec.Command("git", "diff", "--quiet", "HEAD").Run() != nil {
		rev += "+"
	}
	return rev
}
