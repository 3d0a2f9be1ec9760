package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/go-gloebit/gloebit/ledger"
	"github.com/go-gloebit/gloebit/stores/sqlledger"
	"github.com/go-gloebit/gloebit/stores/sqlstore"
)

const connectTimeout = 10 * time.Second

// database is the shop's database.
type database struct {
	dialect   sqlstore.Dialect
	db        *sql.DB
	store     *sqlstore.Store
	purchases *sqlledger.Store
}

// open opens the database of GLOEBIT_DATABASE.
func (a *app) open() (*database, error) {
	dialect, db, err := parseDatabase(a.getenv("GLOEBIT_DATABASE"))
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(4)
	store, err := sqlstore.New(sqlstore.Config{DB: db, Dialect: dialect, Prefix: a.prefix})
	if err != nil {
		return nil, errors.Join(usage("%w", err), db.Close())
	}
	return &database{dialect, db, store, sqlledger.New(store)}, nil
}

// parseDatabase parses GLOEBIT_DATABASE. Its errors quote neither the text,
// which contains a password, nor the errors of parsers, which may quote it.
func parseDatabase(text string) (sqlstore.Dialect, *sql.DB, error) {
	scheme, rest, _ := strings.Cut(text, ":")
	switch scheme {
	case "postgres", "postgresql":
		if config, err := pgx.ParseConfig(text); err == nil {
			config.ConnectTimeout = cmp.Or(config.ConnectTimeout, connectTimeout)
			return sqlstore.Postgres, stdlib.OpenDB(*config), nil
		}
	case "mysql":
		if config, err := mysql.ParseDSN(strings.TrimPrefix(rest, "//")); err == nil {
			config.Logger, config.Timeout = &mysql.NopLogger{}, cmp.Or(config.Timeout, connectTimeout)
			if connector, err := mysql.NewConnector(config); err == nil {
				return sqlstore.MySQL, sql.OpenDB(connector), nil
			}
		}
	case "sqlite":
		path, query, _ := strings.Cut(strings.TrimPrefix(rest, "file:"), "?")
		params, err := url.ParseQuery(query)
		if err != nil || path == "" {
			break
		}
		if _, err := os.Stat(path); err != nil { // opening a mistyped name would create a file
			return 0, nil, fmt.Errorf(
				"the file of GLOEBIT_DATABASE can't be opened; create an empty one for a new database: %w", err,
			)
		}
		db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+params.Encode())
		return sqlstore.SQLite, db, err
	}
	return 0, nil, usage("GLOEBIT_DATABASE is not set or can't be parsed: " +
		"set it to postgres://…, mysql://USER:PASSWORD@tcp(HOST:PORT)/NAME or sqlite:FILE")
}

var errNoShop = usage("no shop is named: set GLOEBIT_CLIENT_ID, --config or --realm")

// merchantConfig returns the shop's configuration, as far as the command has
// its settings. The error is errNoShop if only the client ID is missing.
func (a *app) merchantConfig() (config gloebit.Config, err error) {
	if a.config != "" {
		if config, err = gloebit.ConfigFromFile(a.config); err != nil {
			return config, err
		}
	} else {
		config.ClientID = cmp.Or(a.getenv("GLOEBIT_CLIENT_ID"), a.realm)
		config.ClientSecret, config.RedirectURL = gloebit.Secret(a.getenv("GLOEBIT_CLIENT_SECRET")),
			a.getenv("GLOEBIT_REDIRECT_URL")
	}
	config.Realm = a.realm
	switch {
	case a.server == "production", a.server == "" && config.Provider == gloebit.Provider{}:
		config.Provider = gloebit.Production()
	case a.server == "sandbox":
		config.Provider = gloebit.Sandbox()
	case a.server == "local":
		config.Provider = gloebit.ProviderAt("http://127.0.0.1:8081")
	case a.server != "":
		if _, err := connect.CheckEndpoint(a.server); err != nil {
			return config, usage("GLOEBIT_SERVER or --server: %w; set it to production, sandbox, local or a URL", err)
		}
		config.Provider = gloebit.ProviderAt(a.server)
	}
	if config.ClientID == "" {
		return config, errNoShop
	}
	return config, nil
}

// merchant returns the shop's Merchant. It fills settings that a Merchant
// requires but the command does not use.
func (a *app) merchant(tokens gloebit.TokenStore) (*gloebit.Merchant, error) {
	config, err := a.merchantConfig()
	if err != nil {
		return nil, err
	}
	config.ClientSecret = cmp.Or(config.ClientSecret, gloebit.Secret(rand.Text()))
	config.RedirectURL = cmp.Or(config.RedirectURL, "https://shop.invalid/gloebit/callback")
	config.Tokens = tokens
	return gloebit.New(config)
}

// onDatabase returns a command that needs the database.
func (a *app) onDatabase(
	do func(ctx context.Context, d *database, args []string) error,
) func(context.Context, []string) error {
	return func(ctx context.Context, args []string) error {
		d, err := a.open()
		if err != nil {
			return err
		}
		defer d.db.Close()
		return do(ctx, d, args)
	}
}

// onLedger returns a command that needs the ledger. This ledger does not send,
// sign or deliver; the shop's own does.
func (a *app) onLedger(
	do func(ctx context.Context, l *ledger.Ledger, args []string) error,
) func(context.Context, []string) error {
	return a.onDatabase(func(ctx context.Context, d *database, args []string) error {
		merchant, err := a.merchant(d.store)
		if err != nil {
			return err
		}
		l, err := ledger.New(ledger.Config{
			Merchant: merchant, Store: d.purchases, Fulfiller: elsewhere{}, Clock: a.now,
			CallbackURL: "https://shop.invalid/gloebit/hold", Keys: []gloebit.Secret{gloebit.Secret(rand.Text() + rand.Text())},
			RetryAfter: time.Millisecond, // what the command leaves unfinished is due at once
		})
		if err != nil {
			return err
		}
		return do(ctx, l, args)
	})
}

// elsewhere is the Fulfiller of a command that can't reserve, deliver or
// release.
type elsewhere struct{}

var (
	errElsewhere   = fmt.Errorf("%w: the gloebit command leaves it to the shop", ledger.ErrTryAgain)
	errNotReserved = errors.New("the gloebit command can't reserve anything")
)

func (elsewhere) Reserve(context.Context, ledger.Purchase) error { return errNotReserved }
func (elsewhere) Deliver(context.Context, ledger.Purchase) error { return errElsewhere }
func (elsewhere) Release(context.Context, ledger.Purchase) error { return errElsewhere }
