package sandbox

import (
	"errors"
	"strconv"
	"strings"
)

// maxPurchase and maxPrice, in whole gloebits, keep sums within int64.
const (
	maxPurchase = 1_000_000
	maxPrice    = 1_000_000_000
)

// grouped adds commas to a decimal: "1234567.50" becomes "1,234,567.50".
func grouped(decimal string) string {
	sign := ""
	if rest, ok := strings.CutPrefix(decimal, "-"); ok {
		sign, decimal = "−", rest
	}
	whole, fraction, hasFraction := strings.Cut(decimal, ".")
	var b strings.Builder
	b.WriteString(sign)
	for i, digit := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(digit)
	}
	if hasFraction {
		b.WriteString("." + fraction)
	}
	return b.String()
}

func groupedInt(n int64) string { return grouped(strconv.FormatInt(n, 10)) }

// parseWhole parses a number of whole gloebits between low and high.
func parseWhole(text string, low, high int64) (int64, error) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || n < low || n > high {
		return 0, errors.New("a whole number of gloebits from " + groupedInt(low) + " to " + groupedInt(high) + ", please")
	}
	return n, nil
}

// counted formats "no things", "1 thing" or "2 things".
func counted(n int, one string) string {
	switch n {
	case 0:
		return "no " + one + "s"
	case 1:
		return "1 " + one
	default:
		return groupedInt(int64(n)) + " " + one + "s"
	}
}
