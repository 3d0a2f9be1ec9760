package gloebittest

import (
	"fmt"
	"math/big"
	"strings"
)

// parseDecimal parses a plain decimal ("1000", "-3", "12.50") exactly. It
// refuses other notations, and more than 100 characters.
func parseDecimal(s string) (*big.Rat, error) {
	digits := strings.TrimPrefix(s, "-")
	whole, fraction, dotted := strings.Cut(digits, ".")
	if len(s) > 100 || !isDigits(whole) || dotted && !isDigits(fraction) {
		return nil, fmt.Errorf("%.100q is not a plain decimal", s)
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		return nil, fmt.Errorf("%.100q is not a plain decimal", s)
	}
	return r, nil
}

// formatDecimal is the inverse of parseDecimal, without needless zeros. It
// never rounds, because sums and differences of decimals are decimals.
func formatDecimal(r *big.Rat) string {
	precision, _ := r.FloatPrec()
	return r.FloatString(precision)
}

func isDigits(s string) bool {
	if s == "" {
		return false
	}
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
