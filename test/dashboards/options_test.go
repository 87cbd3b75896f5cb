package dashboards

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// The options and the custom field configuration of each type of panel, as Grafana 11 and 12 both know them.

type legendOptions struct {
	Calcs       []string
	DisplayMode string `oneof:"list table hidden"`
	Placement   string `oneof:"bottom right"`
	ShowLegend  bool
}

type tooltipOptions struct {
	Mode string `oneof:"single multi none"`
	Sort string `oneof:"none asc desc"`
}

type hideFrom struct{ Legend, Tooltip, Viz bool }

type scale struct {
	Type string `oneof:"linear log"`
	Log  int
}

type statOptions struct {
	ColorMode              string `oneof:"value background background_solid none"`
	GraphMode              string `oneof:"none area"`
	JustifyMode            string `oneof:"auto center"`
	Orientation            string `oneof:"auto horizontal vertical"`
	PercentChangeColorMode string `oneof:"standard inverted same_as_value"`
	TextMode               string `oneof:"auto value value_and_name name none"`
	ShowPercentChange      bool
	WideLayout             bool
	ReduceOptions          struct {
		Calcs  []string
		Fields string
		Values bool
	}
}

type timeseriesOptions struct {
	Legend  legendOptions
	Tooltip tooltipOptions
}

type timeseriesCustom struct {
	DrawStyle         string `oneof:"line bars points"`
	LineInterpolation string `oneof:"linear smooth stepBefore stepAfter"`
	LineWidth         int
	FillOpacity       int
	ShowPoints        string `oneof:"auto never always"`
	PointSize         int
	SpanNulls         bool
	Stacking          struct {
		Group string
		Mode  string `oneof:"none normal percent"`
	}
	AxisPlacement   string `oneof:"auto left right hidden"`
	ThresholdsStyle struct {
		Mode string `oneof:"off line dashed area"`
	}
	ScaleDistribution scale
	HideFrom          hideFrom
}

type timelineOptions struct {
	AlignValue  string `oneof:"left center right"`
	MergeValues bool
	RowHeight   float64
	ShowValue   string `oneof:"auto always never"`
	PerPage     int
	Legend      legendOptions
	Tooltip     tooltipOptions
}

type timelineCustom struct {
	FillOpacity, LineWidth int
	SpanNulls, InsertNulls bool
	HideFrom               hideFrom
}

type heatmapOptions struct {
	Calculate bool
	CellGap   int
	Color     struct {
		Mode     string `oneof:"scheme opacity"`
		Scheme   string `oneof:"Viridis Cividis Blues Greys"`
		Fill     string
		Scale    string `oneof:"linear exponential"`
		Exponent float64
		Steps    int
		Reverse  bool
	}
	Exemplars    struct{ Color string }
	FilterValues struct{ LE float64 }
	Legend       struct{ Show bool }
	RowsFrame    struct {
		Layout string `oneof:"auto le ge unknown"`
	}
	ShowValue string `oneof:"auto always never"`
	Tooltip   struct {
		Mode                       string `oneof:"single multi none"`
		ShowColorScale, YHistogram bool
	}
	YAxis struct {
		AxisPlacement string `oneof:"auto left right hidden"`
		Reverse       bool
		Unit          string
	}
}

type heatmapCustom struct {
	HideFrom          hideFrom
	ScaleDistribution scale
}

type tableOptions struct {
	ShowHeader bool
	CellHeight string `oneof:"sm md lg"`
	FrameIndex int
	SortBy     []struct {
		DisplayName string
		Desc        bool
	}
}

type cellOptions struct {
	Type string `oneof:"auto color-text"`
}

type tableCustom struct {
	Align       string `oneof:"auto left center right"`
	Inspect     bool
	CellOptions cellOptions
}

// shapes are what the options and the custom part of a type of panel are read into.
func shapes(kind string) (options, custom any) {
	switch kind {
	case "stat":
		return new(statOptions), new(struct{})
	case "timeseries":
		return new(timeseriesOptions), new(timeseriesCustom)
	case "state-timeline":
		return new(timelineOptions), new(timelineCustom)
	case "heatmap":
		return new(heatmapOptions), new(heatmapCustom)
	case "table":
		return new(tableOptions), new(tableCustom)
	}
	return new(struct{}), new(struct{})
}

// shape checks all that depends on the panel's type.
func (p *Panel) shape() error {
	options, custom := shapes(p.Type)
	all := []error{wrap("options", strict(p.Options, options))}
	if p.FieldConfig.Defaults.Custom != nil || p.Type != "stat" {
		all = append(all, wrap("custom", strict(p.FieldConfig.Defaults.Custom, custom)))
	}
	all = append(all, mappings(p.FieldConfig.Defaults.Mappings))
	for _, o := range p.FieldConfig.Overrides {
		for _, prop := range o.Properties {
			all = append(all, wrap("override "+prop.ID, property(p.Type, prop.ID, prop.Value)))
		}
	}
	for _, tr := range p.Transformations {
		all = append(all, wrap(tr.ID, transformation(tr)))
	}
	return errors.Join(all...)
}

func wrap(what string, err error) error {
	if err != nil {
		err = fmt.Errorf("%s: %w", what, err)
	}
	return err
}

// property checks the value of an override.
func property(kind, id string, value json.RawMessage) error {
	var into any
	switch id {
	case "unit":
		into = new(string)
	case "decimals":
		into = new(int)
	case "color":
		into = new(Color)
	case "thresholds":
		into = new(Thresholds)
	case "links":
		into = new([]Link)
	case "mappings":
		all := new([]Mapping)
		return errors.Join(strict(value, all), mappings(*all))
	case "custom.cellOptions":
		into = new(cellOptions)
	case "custom.width": // not among the defaults: each column has its own
		into = new(float64)
	default:
		name, custom := strings.CutPrefix(id, "custom.")
		if !custom {
			return errors.New("no such property")
		}
		_, into = shapes(kind)
		value = fmt.Appendf(nil, "{%q: %s}", name, value)
		dec := json.NewDecoder(strings.NewReader(string(value)))
		dec.DisallowUnknownFields()
		return dec.Decode(into)
	}
	return strict(value, into)
}

// mappings checks what each type of mapping has.
func mappings(all []Mapping) error {
	var errs []error
	for _, m := range all {
		var into any
		switch m.Type {
		case "value":
			into = new(map[string]Result)
		case "range":
			into = new(struct {
				From, To *float64
				Result   Result
			})
		case "special":
			into = new(struct {
				Match  string `oneof:"null nan null+nan true false empty"`
				Result Result
			})
		}
		errs = append(errs, wrap("mapping of "+m.Type, strict(m.Options, into)))
	}
	return errors.Join(errs...)
}

// transformation checks what each transformation has.
func transformation(tr Transformation) error {
	var into any
	switch tr.ID {
	case "organize":
		into = new(struct {
			ExcludeByName map[string]bool
			IndexByName   map[string]int
			RenameByName  map[string]string
		})
	case "groupingToMatrix":
		into = new(struct{ ColumnField, RowField, ValueField string })
	default:
		into = new(struct{})
	}
	return strict(tr.Options, into)
}

// TestShape reads every dashboard strictly, panels by their type.
func TestShape(t *testing.T) {
	for _, d := range load(t) {
		d.each(func(p *Panel) {
			if err := p.shape(); err != nil {
				t.Errorf("%s: %v", d.name(p), err)
			}
		})
	}
}

// TestStrictness: what must not be there is found.
func TestStrictness(t *testing.T) {
	for _, c := range []struct{ name, json, says string }{
		{"a field of nobody's", `{"titel": "x"}`, "titel"},
		{"a wrong type", `{"version": "1"}`, "Version"},
		{"a wrong word", `{"timezone": "mars"}`, "Timezone"},
		{"a wrong word in a panel", `{"timezone": "utc", "panels": [{"type": "pie"}]}`, "Panels[0].Type"},
		{"two values", `{"timezone": "utc"}{}`, "follows"},
		{"nothing wrong", `{"timezone": "utc"}`, ""},
	} {
		err := strict([]byte(c.json), new(Dashboard))
		if (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", c.name, err, c.says)
		}
	}
	good := Panel{Type: "stat", Options: json.RawMessage(`{"colorMode": "value", "graphMode": "none", "justifyMode": "auto",
"orientation": "auto", "percentChangeColorMode": "standard", "textMode": "value"}`)}
	if err := good.shape(); err != nil {
		t.Errorf("a good panel: %v", err)
	}
	for says, spoil := range map[string]func(p *Panel){
		"colourMode":       func(p *Panel) { p.Options = json.RawMessage(`{"colourMode": "value"}`) },
		"no such property": func(p *Panel) { p.override("custm", `1`) },
		"fillOpacity":      func(p *Panel) { p.override("custom.fillOpacity", `1`) },
		"cannot unmarshal": func(p *Panel) { p.override("decimals", `"1"`) },
		"mapping of value": func(p *Panel) { p.override("mappings", `[{"type": "value", "options": {"1": {"txt": "x"}}}]`) },
		"lineWidth":        func(p *Panel) { p.FieldConfig.Defaults.Custom = json.RawMessage(`{"lineWidth": 1}`) },
		"organize":         func(p *Panel) { p.Transformations = []Transformation{{"organize", json.RawMessage(`{"x": 1}`)}} },
	} {
		p := good
		spoil(&p)
		if err := p.shape(); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q is not found: %v", says, err)
		}
	}
}

// override adds one to a panel.
func (p *Panel) override(id, value string) {
	o := Override{Properties: []struct {
		ID    string
		Value json.RawMessage
	}{{id, json.RawMessage(value)}}}
	p.FieldConfig.Overrides = []Override{o}
}
