package gloebit

import (
	"fmt"
	"math/big"
	"regexp"
)

// Amount is a number of gloebits exactly as the server wrote it: a decimal that
// may have a fraction. No binary floating point comes near it. The zero value
// is zero gloebits. Amounts are values; compare them with [Amount.Cmp], since
// "10" and "10.0" are equal but not the same.
type Amount struct {
	text string // as the server wrote it; empty is zero
}

// decimal is a JSON number of sane size: an account of up to 30 digits, a
// fraction of up to 30, and an exponent of at most two digits.
var decimal = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,29})(\.[0-9]{1,30})?([eE][+-]?[0-9]{1,2})?$`)

// ParseAmount reads a decimal number, such as "12.5".
func ParseAmount(s string) (Amount, error) {
	if !decimal.MatchString(s) {
		return Amount{}, fmt.Errorf("gloebit: %.40q is not an amount: want a decimal number such as 12.5", s)
	}
	return Amount{text: s}, nil
}

// String returns the number as the server wrote it.
func (a Amount) String() string {
	if a.text == "" {
		return "0"
	}
	return a.text
}

// Cmp returns -1 when a is less than b, 0 when they are equal, and 1 when a is
// greater.
func (a Amount) Cmp(b Amount) int { return a.rat().Cmp(b.rat()) }

// Int64 returns the amount in whole gloebits, and whether it is whole and fits.
func (a Amount) Int64() (int64, bool) {
	r := a.rat()
	if !r.IsInt() || !r.Num().IsInt64() {
		return 0, false
	}
	return r.Num().Int64(), true
}

// MarshalJSON writes the number as the server wrote it.
func (a Amount) MarshalJSON() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalJSON reads a JSON number. Anything else is an error, null too.
func (a *Amount) UnmarshalJSON(b []byte) error {
	parsed, err := ParseAmount(string(b))
	if err != nil {
		return err
	}
	*a = parsed
	return nil
}

func (a Amount) rat() *big.Rat {
	r, _ := new(big.Rat).SetString(a.String()) // cannot fail: the text was checked when it was read
	return r
}
