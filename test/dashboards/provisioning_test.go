package dashboards

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// provisioning is the folder of what Grafana reads at its start.
const provisioning = root + "/dashboards/grafana/provisioning"

// datasources is the file of the data sources, as far as it is looked at.
type datasources struct {
	Datasources []struct {
		Name, Type, UID, URL, Access string
		IsDefault                    bool `yaml:"isDefault"`
		Editable                     bool
		JSONData                     struct {
			TimeInterval    string `yaml:"timeInterval"`
			Implementation  string
			Exemplars       []destination `yaml:"exemplarTraceIdDestinations"`
			TracesToMetrics struct {
				DatasourceUID string                         `yaml:"datasourceUid"`
				Start         string                         `yaml:"spanStartTimeShift"`
				End           string                         `yaml:"spanEndTimeShift"`
				Queries       []struct{ Name, Query string } `yaml:"queries"`
			} `yaml:"tracesToMetrics"`
		} `yaml:"jsonData"`
	}
}

// destination is where an exemplar leads.
type destination struct {
	Name, URL     string
	DatasourceUID string `yaml:"datasourceUid"`
	Label         string `yaml:"urlDisplayLabel"`
}

// sources reads the data sources.
func sources(t testing.TB) datasources {
	t.Helper()
	var d datasources
	readYAML(t, provisioning+"/datasources/electnode.yml", &d)
	return d
}

// TestDatasources: uids, addresses and intervals fit the dashboards, the Compose demo and one another.
func TestDatasources(t *testing.T) {
	var scrapes struct {
		Global struct {
			Interval string `yaml:"scrape_interval"`
		}
	}
	readYAML(t, root+"/deploy/prometheus/prometheus.yml", &scrapes)
	var compose struct{ Services map[string]any }
	readYAML(t, root+"/docker-compose.yml", &compose)
	uids := map[string]string{}
	for _, d := range sources(t).Datasources {
		uids[d.UID] = d.Type
		host, _, _ := strings.Cut(strings.TrimPrefix(d.URL, "http://"), ":")
		if compose.Services[host] == nil || d.Access != "proxy" || d.Editable || d.IsDefault != (d.UID == "prometheus") {
			t.Errorf("%s: no service %s, or access, editable or isDefault", d.Name, host)
		}
	}
	for _, d := range sources(t).Datasources {
		data := d.JSONData
		switch d.UID {
		case "prometheus":
			if data.TimeInterval != scrapes.Global.Interval || data.TimeInterval != scrape.String() {
				t.Errorf("timeInterval is %q, the scrape interval %q", data.TimeInterval, scrapes.Global.Interval)
			}
			inside := slices.ContainsFunc(data.Exemplars, func(d destination) bool {
				return d.Name == "trace_id" && uids[d.DatasourceUID] == "jaeger"
			})
			outside := slices.ContainsFunc(data.Exemplars, func(d destination) bool {
				return d.Name == "trace_id" && d.URL == constant(t, "jaeger")+"/trace/$${__value.raw}"
			})
			if !inside || !outside {
				t.Errorf("exemplars lead to %+v", data.Exemplars)
			}
		case "jaeger":
			if m := data.TracesToMetrics; uids[m.DatasourceUID] != "prometheus" || len(m.Queries) == 0 || m.Start == "" || m.End == "" {
				t.Errorf("traces lead to the metrics %+v", m)
			}
		case "alertmanager":
			if data.Implementation != "prometheus" {
				t.Errorf("implementation %q", data.Implementation)
			}
		}
	}
	for _, kind := range []string{"prometheus", "alertmanager", "jaeger"} {
		if uids[kind] != kind {
			t.Errorf("no data source %s of this type: %v", kind, uids)
		}
	}
	for _, d := range load(t) {
		for _, v := range d.Templating.List {
			if v.Type == "datasource" && uids[v.Current.Value] != v.Query {
				t.Errorf("%s: the data source at first is %q", d.file, v.Current.Value)
			}
		}
	}
}

// constant is the value of a constant, which all dashboards must agree on.
func constant(t testing.TB, name string) string {
	t.Helper()
	var value string
	for _, d := range load(t) {
		for _, v := range d.Templating.List {
			if v.Name != name {
				continue
			}
			if value != "" && value != v.Current.Value {
				t.Errorf("%s: %s is %q, elsewhere %q", d.file, name, v.Current.Value, value)
			}
			value = v.Current.Value
		}
	}
	return value
}

// TestQueriesOfTraces reads the queries that lead from a span to metrics.
func TestQueriesOfTraces(t *testing.T) {
	t.Parallel()
	p, c := parser(t), known(t)
	for _, d := range sources(t).Datasources {
		for _, q := range d.JSONData.TracesToMetrics.Queries {
			expr, err := fill(strings.ReplaceAll(q.Query, "$$", "$"), some())
			if err != nil {
				t.Errorf("%s: %v", q.Name, err)
			}
			tree, err := p.parse(expr)
			if err != nil {
				t.Errorf("%s: %v", q.Name, err)
				continue
			}
			if _, err := tree.labels(c.labels); err != nil {
				t.Errorf("%s: %v", q.Name, err)
			}
		}
	}
}

// TestZooKeeperDemo: docker-compose.zookeeper.yml has the watcher scraped as often as the data source states, under a
// job that the rules take for one, with no label of its own, and shows its dashboard first.
func TestZooKeeperDemo(t *testing.T) {
	var scrapes struct {
		Global struct {
			Interval string `yaml:"scrape_interval"`
		}
		Rules []string `yaml:"rule_files"`
		Jobs  []struct {
			Name   string `yaml:"job_name"`
			Static []struct {
				Targets []string
				Labels  map[string]string
			} `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	readYAML(t, root+"/deploy/prometheus/zookeeper.yml", &scrapes)
	if scrapes.Global.Interval != scrape.String() || len(scrapes.Rules) != 2 || len(scrapes.Jobs) == 0 ||
		!strings.HasPrefix(scrapes.Jobs[0].Name, "electnode-watch") || len(scrapes.Jobs[0].Static[0].Labels) != 0 {
		t.Errorf("the configuration is %+v", scrapes)
	}
	var compose struct {
		Services map[string]struct {
			Image       string
			Profiles    []string
			Volumes     []string
			Environment any
		}
	}
	readYAML(t, root+"/docker-compose.zookeeper.yml", &compose)
	host, _, _ := strings.Cut(scrapes.Jobs[0].Static[0].Targets[0], ":")
	if compose.Services[host].Image != "electnode:local" || compose.Services["zookeeper3"].Image == "" {
		t.Errorf("no service %s, or no servers: %+v", host, compose.Services)
	}
	for _, node := range []string{"electnode1", "electnode2", "electnode3"} {
		if len(compose.Services[node].Profiles) == 0 {
			t.Errorf("%s runs, too", node)
		}
	}
	raw, err := os.ReadFile(root + "/docker-compose.zookeeper.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"./deploy/prometheus/zookeeper.yml:/etc/prometheus/prometheus.yml:ro",
		"DEFAULT_HOME_DASHBOARD_PATH: /var/lib/grafana/dashboards/" + watched} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("docker-compose.zookeeper.yml does not have %s", want)
		}
	}
}

// TestProvider: the dashboards are found where Compose puts them, and nothing else is taken for one.
func TestProvider(t *testing.T) {
	var file struct {
		Providers []struct {
			Name, Type      string
			DisableDeletion bool `yaml:"disableDeletion"`
			AllowUIUpdates  bool `yaml:"allowUiUpdates"`
			Options         struct {
				Path    string
				Folders bool `yaml:"foldersFromFilesStructure"`
			}
		}
	}
	readYAML(t, provisioning+"/dashboards/electnode.yml", &file)
	if len(file.Providers) != 1 {
		t.Fatalf("%d providers", len(file.Providers))
	}
	if p := file.Providers[0]; p.Type != "file" || p.Options.Path != "/var/lib/grafana/dashboards" || p.Options.Folders ||
		p.AllowUIUpdates || !p.DisableDeletion {
		t.Errorf("the provider is %+v", p)
	}
	compose, err := os.ReadFile(root + "/docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"./dashboards/grafana:/var/lib/grafana/dashboards:ro",
		"./dashboards/grafana/provisioning/datasources:", "./dashboards/grafana/provisioning/dashboards:",
		"DEFAULT_HOME_DASHBOARD_PATH: /var/lib/grafana/dashboards/ensemble.json"} {
		if !strings.Contains(string(compose), want) {
			t.Errorf("docker-compose.yml does not have %s", want)
		}
	}
	err = filepath.WalkDir(root+"/dashboards/grafana", func(path string, d fs.DirEntry, err error) error {
		in := strings.Contains(path, "provisioning")
		if err == nil && !d.IsDir() && (in && filepath.Ext(path) != ".yml" || !in && filepath.Ext(path) != ".json") {
			t.Errorf("%s is neither a dashboard nor provisioning", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
