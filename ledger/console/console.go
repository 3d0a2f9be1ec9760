// Package console has web pages on which operators look at the purchases of a
// ledger and act on them: an overview, a search, each purchase with its
// history, and an export. It is plain HTML that needs no JavaScript.
//
//	pages, err := console.New(console.Config{
//		Ledger: purchases,
//		Authorize: func(r *http.Request) console.Operator {
//			user := staff.SignedIn(r) // your own sign-in
//			if !user.MaySeePayments {
//				return console.Operator{}
//			}
//			return console.Operator{Name: user.Name, May: console.Read}
//		},
//	})
//	if err != nil {
//		log.Fatal(err)
//	}
//	mux.Handle("/office/purchases", pages)
//
// All pages have the path at which the handler is mounted and differ in the
// query. So the console works below any prefix, and behind a proxy that strips
// a prefix.
package console

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/ledger"
)

// Permission is what an operator may do. The zero value permits nothing.
type Permission int

const (
	// Read permits looking at purchases and exporting them.
	Read Permission = iota + 1
	// Act also permits retrying and canceling purchases, and marking them paid.
	Act
)

// Operator is the person who makes a request.
type Operator struct {
	// Name is written into the history of the purchases on which the operator
	// acts. An operator without a name may do nothing.
	Name string
	// May is what the operator may do.
	May Permission
}

// Config configures the console. Ledger and Authorize must be set.
type Config struct {
	// Ledger is the ledger whose purchases are shown.
	Ledger *ledger.Ledger
	// Authorize returns the operator who makes a request. The zero Operator is
	// refused with 403. To lead visitors to a sign-in, put the application's own
	// middleware around the console.
	Authorize func(r *http.Request) Operator
	// Timeout is how long a page waits for the database before it says that the
	// database does not answer. The default is 5 seconds.
	Timeout time.Duration
	// Logger gets a record for each failure. If nil, nothing is logged.
	Logger *slog.Logger
	// Clock tells the time. The default is time.Now.
	Clock func() time.Time
}

type console struct {
	ledger    *ledger.Ledger
	authorize func(*http.Request) Operator
	timeout   time.Duration
	log       *slog.Logger
	now       func() time.Time
	pages     *template.Template
}

//go:embed pages
var pages embed.FS

// New returns the console. It is safe for concurrent use, and refuses
// cross-origin requests that act. Its error names every field that can't be
// used.
func New(config Config) (http.Handler, error) {
	var problems []error
	if config.Ledger == nil {
		problems = append(problems, errors.New("console: Config.Ledger is nil: set it to what ledger.New returned"))
	}
	if config.Authorize == nil {
		problems = append(problems, errors.New("console: Config.Authorize is nil: "+
			"set it to a function that says who the operator is and what they may do"))
	}
	if config.Timeout < 0 {
		problems = append(problems, errors.New("console: Config.Timeout is negative"))
	}
	parsed, err := template.New("").Funcs(template.FuncMap{
		"time": timestamp, "date": date, "gloebits": gloebits,
	}).ParseFS(pages, "pages/*.html")
	if err := errors.Join(append(problems, err)...); err != nil {
		return nil, err
	}
	c := &console{config.Ledger, config.Authorize, config.Timeout, config.Logger, config.Clock, parsed}
	if c.timeout == 0 {
		c.timeout = 5 * time.Second
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if c.now == nil {
		c.now = time.Now
	}
	sameOrigin := http.NewCrossOriginProtection()
	sameOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setHeaders(w)
		c.fail(w, r, problem{http.StatusForbidden, "Another site sent this form. Nothing was done."})
	}))
	return sameOrigin.Handler(c), nil
}

func setHeaders(w http.ResponseWriter) {
	for name, value := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri " +
			"'none'; frame-ancestors 'none'",
		"X-Content-Type-Options": "nosniff",
		"Referrer-Policy":        "same-origin", // so that purchase IDs do not leave the site
		"Cache-Control":          "no-store",
	} {
		w.Header().Set(name, value)
	}
}

// maxQuery is the maximum length of a query, in bytes. The longest of the
// console's own queries selects every purchase of a page.
const maxQuery = 8 << 10

// ServeHTTP serves the page that the query names.
func (c *console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setHeaders(w)
	operator := c.authorize(r)
	if operator.Name == "" || operator.May < Read {
		c.fail(w, r, problem{http.StatusForbidden, "You may not look in here."})
		return
	}
	if len(r.URL.RawQuery) > maxQuery {
		c.fail(w, r, problem{http.StatusBadRequest, "This search is too long."})
		return
	}
	for _, values := range r.URL.Query() {
		if !storable(values) {
			c.fail(w, r, problem{http.StatusBadRequest, "No purchase has such a text in it."})
			return
		}
	}
	posts := r.Method == http.MethodPost
	if !posts && r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD, POST")
		c.fail(w, r, problem{http.StatusMethodNotAllowed, "This method is not known here."})
		return
	}
	var err error
	switch view := r.URL.Query().Get("view"); {
	case posts:
		err = c.act(w, r, operator)
	case view == "":
		err = c.overview(w, r, operator)
	case view == "search":
		err = c.search(w, r, operator)
	case view == "purchase":
		err = c.purchase(w, r, operator)
	case view == "confirm":
		err = c.confirm(w, r, operator)
	case view == "export":
		err = c.export(w, r)
	case view == "style":
		http.ServeFileFS(w, r, pages, "pages/style.css")
	default:
		err = problem{http.StatusNotFound, "There is no such page."}
	}
	if err != nil {
		c.fail(w, r, err)
	}
}

// within returns the context for a page's queries.
func (c *console) within(r *http.Request) (context.Context, context.CancelFunc) {
	return context.WithTimeout(r.Context(), c.timeout)
}

// frame is the data that every page has.
type frame struct {
	Title    string
	Operator Operator
	Act      bool // whether the operator may act
}

func newFrame(title string, operator Operator) frame {
	return frame{title, operator, operator.May >= Act}
}

// write writes a page.
func (c *console) write(w http.ResponseWriter, status int, name string, page any) error {
	var body bytes.Buffer
	if err := c.pages.ExecuteTemplate(&body, name, page); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(body.Bytes()) // an error means that the browser has disconnected
	return nil
}

// problem is an error with a text for operators.
type problem struct {
	status int
	text   string
}

func (p problem) Error() string { return p.text }

// explain returns the text that an operator sees for an error.
func explain(err error) (what problem) {
	switch {
	case errors.As(err, &what):
		return what
	case errors.Is(err, gloebit.ErrNotFound):
		return problem{http.StatusNotFound, "There is no such purchase."}
	case errors.Is(err, ledger.ErrUnreadable):
		return problem{
			http.StatusInternalServerError,
			"This purchase can't be read: its row in the database is damaged. The log has the reason.",
		}
	case errors.Is(err, gloebit.ErrStore) || errors.Is(err, context.DeadlineExceeded):
		return problem{
			http.StatusServiceUnavailable,
			"The database does not answer. Purchases in progress wait for it; try again in a moment.",
		}
	}
	return problem{http.StatusInternalServerError, "This page has failed. The log has the reason."}
}

func (c *console) fail(w http.ResponseWriter, r *http.Request, err error) {
	what := explain(err)
	if what.status >= http.StatusInternalServerError && r.Context().Err() == nil {
		c.log.ErrorContext(
			r.Context(), "gloebit console: a page failed", "query", fmt.Sprintf("%.300q", r.URL.RawQuery), "error", err,
		)
	}
	page := struct {
		frame
		Text string
	}{frame{Title: http.StatusText(what.status)}, what.text}
	if err := c.write(w, what.status, "problem", page); err != nil {
		http.Error(w, what.text, what.status)
	}
}
