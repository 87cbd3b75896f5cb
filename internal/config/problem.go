package config

import (
	"fmt"
	"strconv"
)

// Problem is one reason why a configuration is refused.
type Problem struct {
	File string // as it was named, or the variable it came from; empty when Text says it
	Line int    // from 1; 0 when no line is at fault
	Key  string // may be empty
	Text string // what is wrong, with the key and without the file
}

// Error is the message with file and line in front.
func (p *Problem) Error() string { return where(p.File, p.Line) + p.Text }

// Warning is something that a person should look at; the configuration is used all the same.
type Warning struct {
	Code string // one of the Warn constants
	File string
	Line int    // from 1; 0 when no line is meant
	Key  string // may be empty
	Text string // with the key, without the file
}

// String is the message with file and line in front.
func (w Warning) String() string { return where(w.File, w.Line) + w.Text }

// Codes of warnings; the first six are the reference's own.
const (
	WarnEvenVoters     = "even_voters"
	WarnNoFailure      = "no_failure_tolerated"
	WarnSingleServer   = "single_server"
	WarnPeerType       = "peer_type_mismatch"
	WarnSnapRetain     = "snap_retain_raised"
	WarnRelativePath   = "relative_path"
	WarnByteOrderMark  = "bom"
	WarnMultiAddress   = "multi_address_on"
	WarnZookeeperKey   = "zookeeper_prefix"
	WarnJVMOnlyKey     = "jvm_only_key"
	WarnSIDRange       = "sid_range"
	WarnSASL           = "sasl_not_spoken"
	WarnTLSKey         = "tls_key_unknown"
	WarnVoterEcho      = "voter_echo"
	WarnLabZxid        = "lab_zxid"
	WarnEnvironmentOff = "environment_ignored"
)

func where(file string, line int) string {
	switch {
	case file == "":
		return ""
	case line > 0:
		return file + ":" + strconv.Itoa(line) + ": "
	}
	return file + ": "
}

// fault notes a problem of the entry at line of src; line 0 means the file as a whole.
func (l *loader) fault(src *source, line int, key, format string, args ...any) {
	file, line := src.place(line)
	l.failed[key] = true
	l.faults = append(l.faults, &Problem{File: file, Line: line, Key: key, Text: fmt.Sprintf(format, args...)})
}

// faultIn notes a problem of a file that is no properties text.
func (l *loader) faultIn(file, key, format string, args ...any) {
	l.failed[key] = true
	l.faults = append(l.faults, &Problem{File: file, Key: key, Text: fmt.Sprintf(format, args...)})
}

// warn notes a warning about the entry at line of src.
func (l *loader) warn(code string, src *source, line int, key, format string, args ...any) {
	file, line := src.place(line)
	l.warnings = append(l.warnings, Warning{code, file, line, key, fmt.Sprintf(format, args...)})
}
