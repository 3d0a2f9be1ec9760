package gloebit

import (
	"cmp"
	"fmt"
	"math/big"
	"regexp"
)

// Amount is a number of gloebits exactly as the server wrote it: a decimal that
// may have a fraction, and is never converted to a float. Compare amounts with
// [Amount.Cmp], not with ==: "10" and "10.0" are equal amounts but different Go
// values.
//
// The zero value is an unknown amount, such as the balance of a response
// without one. [Amount.Known] returns false for it.
type Amount struct {
	text string // as the server wrote it; empty if unknown
}

// Known reports whether the server sent the amount.
func (a Amount) Known() bool { return a.text != "" }

// decimal is a JSON number of limited size: up to 30 digits before and after
// the point, and an exponent of up to two digits.
var decimal = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,29})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?$`)

// ParseAmount reads a decimal number, such as "12.5".
func ParseAmount(s string) (Amount, error) {
	if !decimal.MatchString(s) {
		return Amount{}, fmt.Errorf("gloebit: %.40q is not an amount: want a decimal number such as 12.5", s)
	}
	return Amount{text: s}, nil
}

// String returns the number as the server wrote it, or "unknown".
func (a Amount) String() string { return cmp.Or(a.text, "unknown") }

// Cmp returns -1 if a is less than b, 0 if they are equal, and 1 if a is
// greater. An unknown amount is less than every other.
func (a Amount) Cmp(b Amount) int {
	if !a.Known() || !b.Known() {
		return cmp.Compare(len(a.text), len(b.text))
	}
	return a.rat().Cmp(b.rat())
}

// Int64 returns the amount in whole gloebits. It returns false if the amount is
// unknown, is not a whole number, or does not fit.
func (a Amount) Int64() (int64, bool) {
	if !a.Known() {
		return 0, false
	}
	r := a.rat()
	if !r.IsInt() || !r.Num().IsInt64() {
		return 0, false
	}
	return r.Num().Int64(), true
}

// MarshalJSON writes the number as the server wrote it, or null.
func (a Amount) MarshalJSON() ([]byte, error) { return []byte(cmp.Or(a.text, "null")), nil }

// UnmarshalJSON reads a JSON number, or null for an unknown amount. Anything
// else is an error.
func (a *Amount) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		*a = Amount{}
		return nil
	}
	parsed, err := ParseAmount(string(b))
	if err != nil {
		return err
	}
	*a = parsed
	return nil
}

func (a Amount) rat() *big.Rat {
	r, _ := new(big.Rat).SetString(a.text) // cannot fail: the text was checked when it was read
	return r
}
