package dashboards

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Dashboard is the classic form of schemaVersion 41, as far as it is used here: a field that is not in these
// types is a mistake. A tag oneof lists what a word may be; "|x" may be left out too.
type Dashboard struct {
	UID, Title, Description string
	Tags                    []string
	SchemaVersion, Version  int
	Editable                bool
	GraphTooltip            int
	Refresh                 string
	Time                    struct{ From, To string }
	Timezone                string `oneof:"browser utc"`
	Timepicker              struct {
		Intervals []string `json:"refresh_intervals"`
	}
	Links       []DashboardLink
	Annotations struct{ List []Annotation }
	Templating  struct{ List []Variable }
	Panels      []Panel

	file string
}

// DashboardLink is a link at the top of a dashboard.
type DashboardLink struct {
	Type                                           string `oneof:"link dashboards"`
	Title, URL, Icon, Tooltip                      string
	Tags                                           []string
	AsDropdown, TargetBlank, IncludeVars, KeepTime bool
}

// Source names a data source.
type Source struct{ Type, UID string }

// Annotation is a query whose answers mark moments on all panels.
type Annotation struct {
	BuiltIn                          int
	Datasource                       Source
	Enable, Hide                     bool
	IconColor, Name                  string
	Type                             string `oneof:"|dashboard"`
	Expr, Step, TitleFormat, TagKeys string
	TextFormat                       string
	UseValueForTime                  bool
}

// Variable is what a reader chooses, or a constant.
type Variable struct {
	Type                     string `oneof:"query datasource constant"`
	Name, Label, Description string
	Datasource               Source
	Definition               string
	Query                    any
	Current                  struct{ Text, Value string }
	Options                  []struct{}
	Refresh, Sort, Hide      int
	Multi, IncludeAll        bool
	AllValue, Regex          string
	SkipURLSync              bool `json:"skipUrlSync"`
}

// Panel is a panel, or a row when Type says so.
type Panel struct {
	ID                 int
	Type               string `oneof:"row stat timeseries state-timeline heatmap table"`
	Title, Description string
	Collapsed          bool
	Panels             []Panel
	GridPos            Grid
	Datasource         Source
	Targets            []Target
	FieldConfig        FieldConfig
	Options            json.RawMessage
	Transformations    []Transformation
	Links              []Link
	Interval           string
	MaxDataPoints      int
}

// Grid is a place in 24 columns.
type Grid struct{ X, Y, W, H int }

// Target is a query.
type Target struct {
	RefID                    string
	Datasource               Source
	EditorMode               string `oneof:"code"`
	Expr, LegendFormat       string
	Format                   string `oneof:"time_series table heatmap"`
	Instant, Range, Exemplar bool
}

// Link is a link of a panel or a field.
type Link struct {
	Title, URL  string
	TargetBlank bool
}

// FieldConfig says how values look.
type FieldConfig struct {
	Defaults  Field
	Overrides []Override
}

// Field is how the values of a field look; Custom is the panel type's own.
type Field struct {
	Unit, NoValue string
	Decimals      *int
	Min, Max      *float64
	Color         Color
	Thresholds    Thresholds
	Mappings      []Mapping
	Custom        json.RawMessage
}

// Color is how a colour is chosen.
type Color struct {
	Mode       string `oneof:"|thresholds fixed shades"`
	FixedColor string
}

// Thresholds are colours from a value on.
type Thresholds struct {
	Mode  string `oneof:"|absolute"`
	Steps []struct {
		Color string
		Value *float64
	}
}

// Mapping puts a text in the place of values.
type Mapping struct {
	Type    string `oneof:"value range special"`
	Options json.RawMessage
}

// Result is what a value becomes.
type Result struct {
	Text, Color string
	Index       int
}

// Override is another look for some fields.
type Override struct {
	Matcher struct {
		ID      string `oneof:"byName byFrameRefID"`
		Options string
	}
	Properties []struct {
		ID    string
		Value json.RawMessage
	}
}

// Transformation rearranges answers for a table.
type Transformation struct {
	ID      string `oneof:"merge organize groupingToMatrix"`
	Options json.RawMessage
}

// strict reads JSON whose every field must be in v, and checks its words.
func strict(raw []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the value")
	}
	return words(reflect.ValueOf(v).Elem(), "")
}

// words checks the tag oneof of all strings in v.
func words(v reflect.Value, path string) error {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return words(v.Elem(), path)
		}
	case reflect.Slice:
		var all []error
		for i := range v.Len() {
			all = append(all, words(v.Index(i), fmt.Sprintf("%s[%d]", path, i)))
		}
		return errors.Join(all...)
	case reflect.Struct:
		var all []error
		for f, field := range v.Fields() {
			name := path + "." + f.Name
			if tag := f.Tag.Get("oneof"); tag != "" {
				optional := strings.HasPrefix(tag, "|")
				word := field.String()
				if !slices.Contains(strings.Fields(strings.TrimPrefix(tag, "|")), word) && (word != "" || !optional) {
					all = append(all, fmt.Errorf("%s is %q, not one of %s", name, word, tag))
				}
			}
			all = append(all, words(field, name))
		}
		return errors.Join(all...)
	}
	return nil
}

// root is the way to the top of the repository.
const root = "../.."

// load reads all dashboards.
func load(t testing.TB) []*Dashboard {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "dashboards/grafana/*.json"))
	if err != nil || len(files) < 3 {
		t.Fatalf("dashboards: %v, %v", files, err)
	}
	var all []*Dashboard
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		d := &Dashboard{file: filepath.Base(file)}
		if err := strict(raw, d); err != nil {
			t.Errorf("%s: %v", d.file, err)
		}
		all = append(all, d)
	}
	return all
}

// each visits all panels that are no rows.
func (d *Dashboard) each(visit func(p *Panel)) {
	for i := range d.Panels {
		if d.Panels[i].Type != "row" {
			visit(&d.Panels[i])
		}
	}
}

// name names a panel in a failure.
func (d *Dashboard) name(p *Panel) string { return fmt.Sprintf("%s: %q", d.file, p.Title) }
