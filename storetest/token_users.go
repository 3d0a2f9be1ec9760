package storetest

import (
	"strings"
	"testing"

	"github.com/go-gloebit/gloebit"
)

// oddKeys differ from each other in a way that some store or other overlooks.
var oddKeys = []string{
	"a", "A", "b", "a ", " a", "a\t", "a\n", "a\x00", "a\x00b", "\x00", "\x00\x00", " ", "  ",
	"\u00e9", "e\u0301", "e", "E", "\u00c9", "\u00df", "ss", "i", "I", "\u0130", "\u0131", "\u4e16\u754c", "\U0001F600", "\U0001F601",
	"'", "''", `"`, "`", `\`, `\\`, "'; DROP TABLE gloebit_credentials; --", "%", "_", "a%", "?", "$1", ":a", "@a",
	"{a}", "{b}", "{a}b", "a{b}", "a}b", "a:b", "a:b:c", "*", "[a]", "a/b", "../a", ".", "..", "a,b", "a b", "a+b", "a%20b",
	"null", "NULL", "0", "00", "1", "1.0", "true", "0x61", "YQ==", "61", `\x61`,
	"\xff", "\xfe", "\xff\xfe", "a\xff", "\xc3", "\xc3\x28", "\xed\xa0\x80", "\ufffd", "\ufffd\ufffd", "\ufeffa", "\x7f", "\x80",
	strings.Repeat("k", 255), strings.Repeat("k", 254), strings.Repeat("k", 254) + "K", strings.Repeat("k", 254) + " ",
	strings.Repeat("\u00e9", 127), strings.Repeat("\u00e9", 127) + "e", strings.Repeat("\x00", 255), strings.Repeat("'", 255), strings.Repeat("\xff", 255),
}

func oddUserIDs(t *testing.T, store gloebit.TokenStore) {
	for i, userID := range oddKeys {
		save(t, store, userID, withToken(tokenOf(i)))
	}
	for i, userID := range oddKeys {
		wantToken(t, store, userID, tokenOf(i))
	}
	for i, userID := range oddKeys {
		if err := store.Delete(inTime(t), userID); err != nil {
			t.Errorf("Delete of %q: %v", userID, err)
		}
		wantNone(t, store, userID)
		if i+1 < len(oddKeys) {
			wantToken(t, store, oddKeys[i+1], tokenOf(i+1))
		}
	}
}

func tokenOf(i int) string { return strings.Repeat("t", i+1) }
