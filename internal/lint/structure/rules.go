package main

import (
	"fmt"
	"slices"
	"strings"
)

const module = "github.com/go-gloebit/gloebit"

// maxLines is the most lines that a file may have.
const maxLines = 400

// boundedPackages are the packages whose largest circle is bounded. The root
// of the repository is ".".
var boundedPackages = []string{".", "connect", "ledger", "gloebittest"}

// imports says which packages of this repository a package may import, tests
// apart. The first row that matches a package holds. "..." at the end of a
// pattern stands for any text, as in the go command.
var imports = []struct{ of, may string }{
	// An engine for any OAuth server, which knows no Gloebit.
	{"connect", "internal/redact internal/keylock"},
	// Gloebit, for applications.
	{".", "connect internal/redact"},
	// Other servers, beside Gloebit.
	{"servers/...", "connect servers/... internal/redact internal/oauthtest internal/reply"},
	// What stands on top.
	{"ledger", ". connect internal/keylock"},
	{"ledger/export", "ledger"},
	{"ledger/console", ". ledger ledger/export"},
	{"adapters/...", ". connect adapters/..."},
	{"oauth1", "connect"},
	{"otel", ". connect ledger"},
	{"otel/exporttest", "..."},
	{"connect/...", "connect"},
	// Stores need connect alone. The ledger's table stands beside the others.
	{"stores/sqlledger", "connect ledger stores/sqlstore stores/internal/..."},
	{"stores/internal/...", "internal/keylock"},
	{"stores/redisstore", "connect stores/redisstore/..."},
	{"stores/...", "connect stores/internal/..."},
	// Helps for tests, which no product code imports.
	{"gloebittest", ""},
	{"storetest", "connect internal/suite"},
	{"ledger/ledgertest", ". connect ledger internal/suite"},
	{"adaptertest", ". connect gloebittest ledger"},
	// Programs, and packages for the tests of this repository alone.
	{"cmd/...", "..."},
	{"examples...", "..."},
	{"internal/redact", ""},
	{"internal/keylock", ""},
	{"internal/...", "..."},
	{"ledger/modeltest", "..."},
}

// mayImport reports whether one package may import another. It returns an
// error when no row is about the importing package.
func mayImport(importing, imported string) (bool, error) {
	for _, row := range imports {
		if matches(row.of, importing) {
			return slices.ContainsFunc(strings.Fields(row.may), func(pattern string) bool {
				return matches(pattern, imported)
			}), nil
		}
	}
	return false, fmt.Errorf("%s: no row of imports is about it", importing)
}

func matches(pattern, path string) bool {
	prefix, open := strings.CutSuffix(pattern, "...")
	return path == pattern || open && strings.HasPrefix(path, prefix)
}

func bounded(path string) bool { return slices.Contains(boundedPackages, path) }

// maxCircleOf returns how many files the largest circle of a package may
// have: half of its files, but at least six.
func maxCircleOf(files int) int { return max(6, files/2) }

// faults returns what is not as the rules say, a line each.
func (m measured) faults() (all []string) {
	for _, imported := range m.imports {
		switch may, err := mayImport(m.path, imported); {
		case err != nil:
			return append(all, err.Error())
		case !may:
			all = append(all, fmt.Sprintf("%s: must not import %s", m.path, imported))
		}
	}
	for _, f := range m.files {
		if f.lines > maxLines {
			all = append(all, fmt.Sprintf("%s: %s has %d lines, more than %d", m.path, f.name, f.lines, maxLines))
		}
	}
	if most := maxCircleOf(len(m.files)); bounded(m.path) && len(m.circle) > most {
		all = append(all, fmt.Sprintf("%s: a circle of %d files, more than %d:%s",
			m.path, len(m.circle), most, m.inCircle()))
	}
	return all
}
