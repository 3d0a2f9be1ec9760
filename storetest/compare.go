package storetest

import (
	"reflect"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/internal/suite"
)

// wantEqual compares two structs field by field, including fields that are
// added later.
func wantEqual[T connect.Credential | connect.PendingConnection](t *testing.T, got, want T) {
	t.Helper()
	g, w := reflect.ValueOf(got), reflect.ValueOf(want)
	for i := range g.NumField() {
		name := g.Type().Field(i).Name
		gotField, wantField := g.Field(i), w.Field(i)
		var same bool
		switch wantValue := wantField.Interface().(type) {
		case time.Time:
			same = sameTime(gotField.Interface().(time.Time), wantValue)
		case []connect.Scope:
			same = sameScopes(gotField.Interface().([]connect.Scope), wantValue)
		default:
			same = gotField.Equal(wantField)
		}
		if !same {
			t.Errorf("%s came back as %s, want %s", name, show(gotField), show(wantField))
		}
	}
}

// show returns a field's value for a message, even of a Secret: the suites
// store no real ones.
func show(field reflect.Value) string {
	if field.Kind() == reflect.String {
		return suite.Clip(field.String())
	}
	if at, ok := field.Interface().(time.Time); ok {
		return at.String()
	}
	return suite.Clip(reflect.Indirect(field).String())
}

// wantFilled fails unless every field is set, so that a comparison covers all
// of them.
func wantFilled[T connect.Credential | connect.PendingConnection](t *testing.T, value T) {
	t.Helper()
	v := reflect.ValueOf(value)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Fatalf("the suite forgets the field %s", v.Type().Field(i).Name)
		}
	}
}
