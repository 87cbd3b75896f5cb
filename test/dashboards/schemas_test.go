//go:build schemas

package dashboards

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemas is a folder with the JSON schemas that Grafana publishes (folder jsonschema of the repository
// grafana/grafana-foundation-sdk, Apache-2.0). They are not part of this repository:
//
//	go test -tags schemas ./test/dashboards -run TestPublishedSchemas -schemas DIR
var schemas = flag.String("schemas", "", "folder with the JSON schemas that Grafana publishes")

// published compiles a part of a published schema. These are made from types of another language, and corrected
// first where that went wrong: they say "object" for what may be anything, "one of" where several may fit, and want
// of a field's links what only a dashboard's have.
func published(t *testing.T, name, part string) *jsonschema.Schema {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(*schemas, name+".jsonschema.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doc map[string]any
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	correct(doc)
	definitions, _ := doc["definitions"].(map[string]any)
	if link, ok := definitions["DashboardLink"].(map[string]any); ok {
		delete(link, "required")
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(name+".json", doc); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile(name + ".json#/definitions/" + part)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// correct makes {"type": "object", "additionalProperties": {}} the schema of anything, which it stands for, and
// oneOf anyOf.
func correct(v any) {
	switch v := v.(type) {
	case map[string]any:
		below, open := v["additionalProperties"].(map[string]any)
		if v["type"] == "object" && open && len(below) == 0 && v["properties"] == nil {
			delete(v, "type")
			delete(v, "additionalProperties")
		}
		if all, ok := v["oneOf"]; ok {
			delete(v, "oneOf")
			v["anyOf"] = all
		}
		for _, part := range v {
			correct(part)
		}
	case []any:
		for _, part := range v {
			correct(part)
		}
	}
}

// TestPublishedSchemas validates every dashboard, and of each panel the query, the options and the custom field
// configuration, by its type.
func TestPublishedSchemas(t *testing.T) {
	files := map[string]string{"state-timeline": "statetimeline"}
	whole, query := published(t, "dashboard", "Dashboard"), published(t, "prometheus", "Dataquery")
	for _, d := range load(t) {
		raw, err := os.ReadFile(filepath.Join(root, "dashboards/grafana", d.file))
		if err != nil {
			t.Fatal(err)
		}
		var doc map[string]any
		if err := json.Unmarshal(raw, &doc); err != nil {
			t.Fatal(err)
		}
		if err := whole.Validate(doc); err != nil {
			t.Errorf("%s: %v", d.file, err)
		}
		for i, p := range d.Panels {
			if p.Type == "row" {
				continue
			}
			file := p.Type
			if other, ok := files[p.Type]; ok {
				file = other
			}
			panel := doc["panels"].([]any)[i].(map[string]any)
			if err := published(t, file, "Options").Validate(panel["options"]); err != nil {
				t.Errorf("%s: options: %v", d.name(&p), err)
			}
			custom := panel["fieldConfig"].(map[string]any)["defaults"].(map[string]any)["custom"]
			if p.Type != "stat" {
				if err := published(t, file, "FieldConfig").Validate(custom); err != nil {
					t.Errorf("%s: custom: %v", d.name(&p), err)
				}
			}
			for _, q := range panel["targets"].([]any) {
				if err := query.Validate(q); err != nil {
					t.Errorf("%s: query: %v", d.name(&p), err)
				}
			}
		}
	}
}
