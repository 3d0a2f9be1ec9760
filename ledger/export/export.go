// Package export writes purchases as files for other programs.
package export

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"iter"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
)

var columns = []string{
	"id", "created_at", "user_id", "gloebit_id", "username", "item", "product", "character_id", "price", "quantity",
	"gloebits",
	"state", "stuck_at", "paid_at", "updated_at", "outcome", "cause",
}

// CSV writes a table of purchases (RFC 4180), with a header row. It writes each
// purchase as the sequence yields it. A text that a spreadsheet would evaluate
// as a formula is prefixed with an apostrophe. Times are UTC (RFC 3339), and
// empty if they are zero. The error is that of w or the sequence; the output is
// then incomplete.
func CSV(w io.Writer, purchases iter.Seq2[ledger.Purchase, error]) error {
	out := csv.NewWriter(w)
	if err := out.Write(columns); err != nil {
		return err
	}
	for p, err := range purchases {
		if err != nil {
			return err
		}
		err := out.Write([]string{
			cell(p.ID), moment(p.CreatedAt), cell(p.UserID), cell(p.GloebitID), cell(p.Username), cell(p.Item), cell(p.Product),
			cell(p.CharacterID), number(p.Price), number(p.Quantity), number(p.Total()), cell(string(p.State)),
			moment(p.StuckAt),
			moment(p.PaidAt), moment(p.UpdatedAt), cell(string(p.Outcome)), cell(p.Cause),
		})
		if err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

// JSON writes an array of purchases, one per line, as the sequence yields them.
// The error is that of w or the sequence; the output is then incomplete and not
// valid JSON.
func JSON(w io.Writer, purchases iter.Seq2[ledger.Purchase, error]) error {
	before := "[\n"
	for p, err := range purchases {
		if err != nil {
			return err
		}
		text, err := json.Marshal(p)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(w, before+string(text)); err != nil {
			return err
		}
		before = ",\n"
	}
	end := "\n]\n"
	if before == "[\n" {
		end = "[]\n"
	}
	_, err := io.WriteString(w, end)
	return err
}

// inside matches a formula after a character at which some spreadsheets split
// cells, even inside quotes. A formula may begin with a full-width character.
var inside = regexp.MustCompile(`([;\t\r\n|]["\s]*)([=+\-@＝＋－＠])`)

// cell returns a text that no spreadsheet evaluates as a formula.
func cell(text string) string {
	text = inside.ReplaceAllString(text, "$1'$2")
	if start := strings.TrimLeft(text, ` "`); strings.IndexAny(start, "=+-@＝＋－＠\t\r\n") == 0 {
		return "'" + text
	}
	return text
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
