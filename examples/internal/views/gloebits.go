package views

import (
	"fmt"
	"strings"
)

// Gloebits formats a number of gloebits: 2500 becomes "2,500". It takes an
// integer, or a decimal such as gloebit.Amount, whose fraction stays as it is.
func Gloebits(amount any) string {
	text := fmt.Sprint(amount)
	whole, fraction, _ := strings.Cut(text, ".")
	sign := ""
	if strings.HasPrefix(whole, "-") {
		sign, whole = "-", whole[1:]
	}
	var b strings.Builder
	for i, digit := range whole {
		if i > 0 && (len(whole)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(digit)
	}
	if fraction != "" {
		return sign + b.String() + "." + fraction
	}
	return sign + b.String()
}
