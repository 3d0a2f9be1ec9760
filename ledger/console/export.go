package console

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
)

// writer writes purchases in a format.
type writer interface {
	write(p ledger.Purchase) error
	close() error // writes the end
}

const (
	exported     = 500              // purchases of one query
	writeTimeout = 30 * time.Second // for those of one query
)

// export streams all purchases that a filter selects. It holds no connection of
// the database while the browser reads. If it fails after the first purchases
// were sent, it aborts the response, so that what the browser has is not taken
// for the whole.
func (c *console) export(w http.ResponseWriter, r *http.Request) error {
	form := r.URL.Query()
	q, err := readFilter(form).query(c.now())
	if err != nil {
		return err
	}
	q.Limit = exported
	format, contentType := form.Get("format"), ""
	var out writer
	switch format {
	case "csv":
		contentType, out = "text/csv; charset=utf-8; header=present", &csvWriter{out: csv.NewWriter(w)}
	case "json":
		contentType, out = "application/json", &jsonWriter{out: w}
	default:
		return problem{http.StatusBadRequest, "The format is csv or json."}
	}
	list, err := c.list(r, q)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Disposition", `attachment; filename="purchases-`+c.now().UTC().Format("20060102-150405")+"."+format+`"`)
	if r.Method == http.MethodHead {
		return nil
	}
	if err := c.stream(w, r, out, q, list); err != nil {
		if r.Context().Err() == nil {
			c.log.ErrorContext(r.Context(), "gloebit console: an export ended early", "error", err)
		}
		panic(http.ErrAbortHandler)
	}
	return nil
}

func (c *console) list(r *http.Request, q ledger.Query) ([]ledger.Purchase, error) {
	ctx, stop := c.within(r)
	defer stop()
	return c.ledger.List(ctx, q)
}

// stream writes a list and those that follow it.
func (c *console) stream(w http.ResponseWriter, r *http.Request, out writer, q ledger.Query, list []ledger.Purchase) (err error) {
	control := http.NewResponseController(w)
	for {
		_ = control.SetWriteDeadline(time.Now().Add(writeTimeout)) // or the server's own holds
		for _, p := range list {
			if err := out.write(p); err != nil {
				return err
			}
		}
		if len(list) < q.Limit {
			return out.close()
		}
		if err := context.Cause(r.Context()); err != nil {
			return err
		}
		_ = control.Flush() // or the server sends it when it has enough
		q.After = list[len(list)-1].Cursor()
		if list, err = c.list(r, q); err != nil {
			return err
		}
	}
}

// jsonWriter writes an array of purchases.
type jsonWriter struct {
	out   io.Writer
	began bool
}

func (j *jsonWriter) write(p ledger.Purchase) error {
	text, err := json.Marshal(p)
	if err == nil {
		_, err = io.WriteString(j.out, j.before()+string(text))
	}
	return err
}

// before is what comes before the next purchase.
func (j *jsonWriter) before() string {
	if j.began {
		return ",\n"
	}
	j.began = true
	return "[\n"
}

func (j *jsonWriter) close() error {
	end := "\n]\n"
	if !j.began {
		end = "[]\n"
	}
	_, err := io.WriteString(j.out, end)
	return err
}

// csvWriter writes a table (RFC 4180) that spreadsheets can open safely.
type csvWriter struct {
	out   *csv.Writer
	began bool
}

var columns = []string{
	"id", "created_at", "user_id", "gloebit_id", "username", "item", "product", "character_id", "price", "quantity", "gloebits",
	"state", "stuck_at", "paid_at", "updated_at", "outcome", "cause",
}

func (c *csvWriter) write(p ledger.Purchase) error {
	if !c.began {
		c.began = true
		if err := c.out.Write(columns); err != nil {
			return err
		}
	}
	return c.out.Write([]string{
		cell(p.ID), moment(p.CreatedAt), cell(p.UserID), cell(p.GloebitID), cell(p.Username), cell(p.Item), cell(p.Product), cell(p.CharacterID),
		strconv.FormatInt(p.Price, 10), strconv.FormatInt(p.Quantity, 10), strconv.FormatInt(p.Total(), 10),
		string(p.State), moment(p.StuckAt), moment(p.PaidAt), moment(p.UpdatedAt), cell(string(p.Outcome)), cell(p.Cause),
	})
}

func (c *csvWriter) close() error {
	if !c.began {
		_ = c.out.Write(columns) // Error has its error
	}
	c.out.Flush()
	return c.out.Error()
}

// cell is a text that no spreadsheet takes for a formula.
func cell(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r\n", rune(text[0])) {
		return "'" + text
	}
	return text
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
