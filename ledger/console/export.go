package console

import (
	"context"
	"iter"
	"net/http"
	"time"

	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/ledger/export"
)

const (
	exported     = 500              // purchases per query
	writeTimeout = 30 * time.Second // for writing the purchases of one query
)

// export streams all purchases that a filter selects. It holds no database
// connection while the browser reads. If it fails after the first purchases
// were sent, it aborts the response, so that the browser does not take the file
// for complete.
func (c *console) export(w http.ResponseWriter, r *http.Request) error {
	form := r.URL.Query()
	q, err := readFilter(form).query(c.now())
	if err != nil {
		return err
	}
	q.Limit = exported
	format, contentType, write := form.Get("format"), "", export.CSV
	switch format {
	case "csv":
		contentType = "text/csv; charset=utf-8; header=present"
	case "json":
		contentType, write = "application/json", export.JSON
	default:
		return problem{http.StatusBadRequest, "The format is csv or json."}
	}
	list, err := c.list(r, q)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set(
		"Content-Disposition", `attachment; filename="purchases-`+c.now().UTC().Format("20060102-150405")+"."+format+`"`,
	)
	if r.Method == http.MethodHead {
		return nil
	}
	if err := write(w, c.rest(w, r, q, list)); err != nil {
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

// rest iterates over a page of purchases and all pages after it.
func (c *console) rest(
	w http.ResponseWriter, r *http.Request, q ledger.Query, list []ledger.Purchase,
) iter.Seq2[ledger.Purchase, error] {
	return func(yield func(ledger.Purchase, error) bool) {
		control := http.NewResponseController(w)
		for {
			_ = control.SetWriteDeadline(time.Now().Add(writeTimeout)) // if it fails, the server's own deadline applies
			for _, p := range list {
				if !yield(p, nil) {
					return
				}
			}
			if len(list) < q.Limit {
				return
			}
			_ = control.Flush() // if it fails, the server sends the data when its buffer is full
			q.After = list[len(list)-1].Cursor()
			err := context.Cause(r.Context())
			if err == nil {
				list, err = c.list(r, q)
			}
			if err != nil {
				yield(ledger.Purchase{}, err)
				return
			}
		}
	}
}
