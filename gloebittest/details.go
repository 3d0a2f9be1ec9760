package gloebittest

import "slices"

// Details describes where and for what a transaction was made in a virtual
// world.
type Details struct {
	Platform    []Descriptor `json:"platform,omitempty"`    // such as the grid's name
	Location    []Descriptor `json:"location,omitempty"`    // such as the region's name
	Transaction []Descriptor `json:"transaction,omitempty"` // such as the object's name
}

// Descriptor is a name and a value.
type Descriptor struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// details reads the three pairs of lists. If one list of a pair is shorter, its
// missing elements are empty.
func (f fields) details() (d Details, reason string) {
	for of, target := range map[string]*[]Descriptor{
		"platform": &d.Platform, "location": &d.Location, "transaction": &d.Transaction,
	} {
		names, ok := f.texts(of + "-desc-names")
		if !ok {
			return d, "invalid " + of + "-desc-names"
		}
		values, ok := f.texts(of + "-desc-values")
		if !ok {
			return d, "invalid " + of + "-desc-values"
		}
		for i := range max(len(names), len(values)) {
			*target = append(*target, Descriptor{Name: at(names, i), Value: at(values, i)})
		}
	}
	return d, ""
}

// texts returns a list of strings for display. It accepts numbers. A missing
// list is empty.
func (f fields) texts(name string) ([]string, bool) {
	raw, sent := f[name]
	if !sent {
		return nil, true
	}
	list, ok := raw.([]any)
	if text, single := raw.(formValue); single {
		list, ok = []any{text}, true
	}
	if !ok {
		return nil, false
	}
	texts := make([]string, len(list))
	for i, value := range list {
		if value == nil { // published clients send null for unknown values
			continue
		}
		if texts[i], ok = labelOf(value); !ok {
			return nil, false
		}
	}
	return texts, true
}

// at returns list[i], or "" beyond the end.
func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return ""
}

func (d Details) clone() Details {
	return Details{slices.Clone(d.Platform), slices.Clone(d.Location), slices.Clone(d.Transaction)}
}
