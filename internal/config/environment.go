package config

import (
	"errors"
	"io/fs"
	"path/filepath"
	"strings"
)

// Lookup finds an environment variable, as os.LookupEnv does.
type Lookup func(name string) (string, bool)

// FromEnvironment makes a configuration of the variables that the official image's entry script turns
// into zoo.cfg and myid. Nothing is written: what the script would write is made in memory, and read only
// where the files do not exist; existing files beat the variables. Rule: the entry script of the official image.
func FromEnvironment(lookup Lookup) (*Config, []Warning, error) {
	return fromEnvironment(osFiles{}, lookup)
}

func fromEnvironment(base files, lookup Lookup) (*Config, []Warning, error) {
	env := environment{lookup}
	path := env.nonEmpty("ZOO_CONF_DIR", "/conf") + "/zoo.cfg"
	myid := env.nonEmpty("ZOO_DATA_DIR", "/data") + "/myid"
	f := overlay{base, memFiles{filepath.Clean(myid): []byte(env.nonEmpty("ZOO_MY_ID", "1") + "\n")}}
	l := newLoader(f, path)
	content, err := base.read(path)
	switch {
	case err == nil:
		l.run(path, content, nil)
		if _, set := lookup("ZOO_SERVERS"); set && l.main != nil {
			l.warn(WarnEnvironmentOff, l.main, 0, "ZOO_SERVERS", "the file exists, so ZOO_SERVERS and the like have no effect")
		}
	case errors.Is(err, fs.ErrNotExist):
		made := env.file()
		l.run("environment", []byte(made.text.String()), made.origin)
	default:
		l.faultIn(path, "", "cannot be read: %s", reason(err))
	}
	if _, set := lookup("ZOO_MY_ID"); set && base.regular(myid) && l.main != nil {
		l.warn(WarnEnvironmentOff, &source{name: myid}, 0, "ZOO_MY_ID", "the file exists, so ZOO_MY_ID has no effect")
	}
	return l.result()
}

// environment reads variables.
type environment struct{ lookup Lookup }

// value is what the variable holds, also when that is nothing.
func (e environment) value(name, unset string) string {
	if v, ok := e.lookup(name); ok {
		return v
	}
	return unset
}

// nonEmpty is value for variables that the script takes as unset when they hold nothing.
func (e environment) nonEmpty(name, unset string) string {
	if v := e.value(name, ""); v != "" {
		return v
	}
	return unset
}

// madeFile is a zoo.cfg in memory, and the variable that each of its lines came from.
type madeFile struct {
	text   strings.Builder
	origin []string
}

func (m *madeFile) add(variable, line string) {
	m.text.WriteString(line + "\n")
	for range 1 + strings.Count(line, "\n") {
		m.origin = append(m.origin, variable)
	}
}

// file makes the zoo.cfg that the script would write.
func (e environment) file() *madeFile {
	m := &madeFile{}
	m.add("ZOO_DATA_DIR", "dataDir="+e.nonEmpty("ZOO_DATA_DIR", "/data"))
	m.add("ZOO_DATA_LOG_DIR", "dataLogDir="+e.nonEmpty("ZOO_DATA_LOG_DIR", "/datalog"))
	for _, v := range []struct{ variable, key, unset string }{
		{"ZOO_TICK_TIME", "tickTime", "2000"},
		{"ZOO_INIT_LIMIT", "initLimit", "5"},
		{"ZOO_SYNC_LIMIT", "syncLimit", "2"},
		{"ZOO_AUTOPURGE_SNAPRETAINCOUNT", "autopurge.snapRetainCount", "3"},
		{"ZOO_AUTOPURGE_PURGEINTERVAL", "autopurge.purgeInterval", "0"},
		{"ZOO_MAX_CLIENT_CNXNS", "maxClientCnxns", "60"},
		{"ZOO_STANDALONE_ENABLED", "standaloneEnabled", "true"},
		{"ZOO_ADMINSERVER_ENABLED", "admin.enableServer", "true"},
	} {
		m.add(v.variable, v.key+"="+e.value(v.variable, v.unset))
	}
	for _, word := range shellWords(e.nonEmpty("ZOO_SERVERS", "server.1=localhost:2888:3888;2181")) {
		m.add("ZOO_SERVERS", word)
	}
	if words := e.nonEmpty("ZOO_4LW_COMMANDS_WHITELIST", ""); words != "" {
		m.add("ZOO_4LW_COMMANDS_WHITELIST", "4lw.commands.whitelist="+words)
	}
	for _, word := range shellWords(e.nonEmpty("ZOO_CFG_EXTRA", "")) {
		m.add("ZOO_CFG_EXTRA", word)
	}
	return m
}

// shellWords splits as a shell does.
func shellWords(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\t' || r == '\n' })
}
