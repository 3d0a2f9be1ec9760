package gloebit_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"testing"

	"github.com/go-gloebit/gloebit"
	"github.com/stretchr/testify/require"
)

func TestAmountsAreExact(t *testing.T) {
	for text, test := range map[string]struct {
		whole int64
		ok    bool
	}{
		"0":                              {0, true},
		"-0":                             {0, true},
		"1000":                           {1000, true},
		"-12":                            {-12, true},
		"10.0":                           {10, true},
		"1e3":                            {1000, true},
		"2.5E+1":                         {25, true},
		"9223372036854775807":            {math.MaxInt64, true},
		"9223372036854775808":            {0, false},
		"0.1":                            {0, false},
		"12.345678901234567890123456789": {0, false},
		"1e-1":                           {0, false},
	} {
		t.Run(text, func(t *testing.T) {
			var amount gloebit.Amount
			require.NoError(t, json.Unmarshal([]byte(text), &amount))
			require.Equal(t, text, amount.String(), "printed as the server wrote it")
			whole, ok := amount.Int64()
			require.Equal(t, test.ok, ok)
			require.Equal(t, test.whole, whole)
			again, err := json.Marshal(amount)
			require.NoError(t, err)
			require.Equal(t, text, string(again))
		})
	}
}

func TestUnknownAmount(t *testing.T) {
	var unknown gloebit.Amount
	require.False(t, unknown.Known())
	require.Equal(t, "unknown", unknown.String())
	require.Equal(t, "unknown", fmt.Sprintf("%v", unknown))
	_, ok := unknown.Int64()
	require.False(t, ok)
	written, err := json.Marshal(unknown)
	require.NoError(t, err)
	require.Equal(t, "null", string(written))
	for _, text := range []string{"0", "-1"} {
		known, err := gloebit.ParseAmount(text)
		require.NoError(t, err)
		require.True(t, known.Known())
		require.Equal(t, -1, unknown.Cmp(known))
		require.Equal(t, 1, known.Cmp(unknown))
		require.NoError(t, json.Unmarshal(written, &known))
		require.Zero(t, known.Cmp(unknown))
	}
}

func TestAmountsCompareByValue(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"10", "10.0", 0}, {"1e1", "10", 0}, {"0.1", "0.2", -1}, {"-1", "-2", 1},
		{"100000000000000000000.1", "100000000000000000000.2", -1},
	} {
		a, err := gloebit.ParseAmount(test.a)
		require.NoError(t, err)
		b, err := gloebit.ParseAmount(test.b)
		require.NoError(t, err)
		require.Equal(t, test.want, a.Cmp(b), "%s against %s", a, b)
	}
}

func TestAmountsRejectNonNumbers(t *testing.T) {
	for _, text := range []string{
		`"12"`, `true`, `{}`, `[1]`, `1e999`, `1e-999`, strconv.Itoa(math.MaxInt) + "0000000000000",
	} {
		var amount gloebit.Amount
		require.Error(t, json.Unmarshal([]byte(text), &amount), text)
	}
	for _, text := range []string{"", " 1", "1 ", "+1", "01", "1.", ".5", "0x10", "1_000", "Inf", "NaN", "1e", "٣"} {
		_, err := gloebit.ParseAmount(text)
		require.Error(t, err, text)
	}
}

func TestObjectsKeepNumbersExactly(t *testing.T) {
	var object gloebit.Object
	require.NoError(t, json.Unmarshal([]byte(` {"n":12345678901234567890.10} `), &object))
	var decoded map[string]any
	require.NoError(t, object.Decode(&decoded))
	require.Equal(t, json.Number("12345678901234567890.10"), decoded["n"])
	var typed struct{ N json.Number }
	require.NoError(t, object.Decode(&typed))
	require.Equal(t, json.Number("12345678901234567890.10"), typed.N)
	encoded, err := json.Marshal(struct{ O gloebit.Object }{object})
	require.NoError(t, err)
	require.Equal(t, `{"O":{"n":12345678901234567890.10}}`, string(encoded))
	require.Equal(t, "{}", gloebit.Object(nil).String())
	require.NoError(t, gloebit.Object(nil).Decode(&decoded))
	character := gloebit.Character{ID: "c", Name: "Zoe", Extra: object}
	encoded, err = json.Marshal(character)
	require.NoError(t, err)
	require.Equal(t, `{"id":"c","n":12345678901234567890.10,"name":"Zoe"}`, string(encoded))
	var again gloebit.Character
	require.NoError(t, json.Unmarshal(encoded, &again))
	require.Equal(t, character, again)
}
