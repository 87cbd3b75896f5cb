package config

// Resolve loads the configuration of "electnode run [ZOO_CFG]": the file that was named; else the one in
// ELECTNODE_CONFIG; else, when ZOO_SERVERS is set, what the official image would make of its variables;
// else ./zoo.cfg. args is what followed the command, at most one name.
func Resolve(args []string, lookup Lookup) (*Config, []Warning, error) {
	return resolve(osFiles{}, args, lookup)
}

func resolve(f files, args []string, lookup Lookup) (*Config, []Warning, error) {
	env := environment{lookup}
	if len(args) > 0 {
		return load(f, args[0])
	}
	if path := env.nonEmpty("ELECTNODE_CONFIG", ""); path != "" {
		return load(f, path)
	}
	if env.nonEmpty("ZOO_SERVERS", "") != "" {
		return fromEnvironment(f, lookup)
	}
	return load(f, "zoo.cfg")
}
