package gloebit_test

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/go-gloebit/gloebit/connect"
	"github.com/stretchr/testify/require"
)

// sentinels returns the texts of the errors in errors.go by name.
func sentinels(t *testing.T) map[string]string {
	t.Helper()
	source, err := os.ReadFile("errors.go")
	require.NoError(t, err)
	texts := map[string]string{}
	engine, err := os.ReadFile("connect/errors.go")
	require.NoError(t, err)
	source = append(source, engine...)
	for _, found := range regexp.MustCompile(
		`\t(Err\w+) += errors\.New\("(.+)"\)\n`,
	).FindAllStringSubmatch(string(source), -1) {
		texts[found[1]] = found[2]
	}
	return texts
}

// allRows returns the rows of both tables that have an error.
func allRows() []connect.Refusal {
	rows := slices.Clone(gloebit.ConnectingRows())
	for _, row := range gloebit.CallRows() {
		if row.Err != nil {
			rows = append(rows, row.Refusal)
		}
	}
	return rows
}

func TestRefusals(t *testing.T) {
	t.Run("every sentinel has one row", func(t *testing.T) {
		texts := sentinels(t)
		require.Greater(t, len(texts), 35)
		for name, text := range texts {
			var names []string
			for _, row := range allRows() {
				if row.Err.Error() == text {
					names = append(names, row.Name)
				}
			}
			require.Equal(t, []string{name}, names)
		}
	})
	t.Run("every row answers its error", func(t *testing.T) {
		for _, row := range allRows() {
			require.Equal(t, row.Status, gloebit.StatusCode(fmt.Errorf("doing: %w", row.Err)), row.Name)
			require.GreaterOrEqual(t, row.Status, http.StatusBadRequest, row.Name)
			require.Contains(t, pageFor(t, row.Err), row.Text, row.Name)
		}
	})
	t.Run("no word means two things", func(t *testing.T) {
		seen := map[string]bool{}
		for _, row := range gloebit.CallRows() {
			for _, word := range row.Words {
				require.False(t, seen[word], word)
				require.Equal(t, strings.ToLower(strings.TrimSpace(word)), word)
				seen[word] = true
			}
		}
		require.NotEmpty(t, seen)
	})
	t.Run("outcomes know their rows", func(t *testing.T) {
		for _, row := range gloebit.CallRows() {
			if row.Outcome == gloebit.OutcomeUnknown {
				continue
			}
			require.Equal(t, row.Err, row.Outcome.Err())
			require.Equal(t, row.Charged == "no", row.Outcome.Final(), row.Outcome)
			require.Equal(t, !row.Again, row.Outcome.Refused(), row.Outcome)
		}
		for _, stands := range []gloebit.Outcome{
			gloebit.OutcomeUnknown, gloebit.OutcomeQueued, gloebit.OutcomeResubmitted, "another version's",
		} {
			require.NoError(t, stands.Err())
			require.False(t, stands.Final() || stands.Refused(), stands)
		}
		require.True(t, gloebit.OutcomeInsufficientBalance.Final())
		require.False(t, gloebit.OutcomeCannotSpend.Final())
		require.True(t, gloebit.OutcomeCannotSpend.Refused())
		require.False(t, gloebit.OutcomeTransactionPending.Refused() || gloebit.OutcomeQueuingFailed.Refused())
	})
	t.Run("only known charges are shown", func(t *testing.T) {
		charged := map[error]string{}
		for _, row := range gloebit.CallRows() {
			charged[row.Err] = row.Charged
		}
		for _, row := range allRows() {
			text := strings.ToLower(row.Text)
			require.Equal(t, charged[row.Err] == "no", strings.Contains(text, "nothing was"), row.Name)
			require.Equal(t, charged[row.Err] == "yes", strings.Contains(text, "charged the"), row.Name)
		}
	})
}

// pageFor returns the text of the error page of a form.
func pageFor(t *testing.T, err error) string {
	t.Helper()
	merchant, configErr := gloebit.New(validConfig())
	require.NoError(t, configErr)
	recorder := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/buy", nil)
	r.Header.Set("Accept", "text/html")
	merchant.HandleError(recorder, r, err)
	require.Equal(t, gloebit.StatusCode(err), recorder.Code)
	_, text, _ := strings.Cut(recorder.Body.String(), "<h1>")
	text = strings.NewReplacer("</h1>\n<p>", ". ", "</h1>", ".").Replace(text)
	return html.UnescapeString(text)
}

// lastAnswers returns a handler that drops its first responses, and then sends
// the body.
func lastAnswers(lost int32, body string) http.HandlerFunc {
	var asked atomic.Int32
	return func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) <= lost {
			panic(http.ErrAbortHandler)
		}
		_, _ = io.WriteString(w, body)
	}
}

// TestRefusalsOfTransactions checks each reason of a refusal: at once, after a
// charge whose response was lost, and after a whole call under the same key
// whose responses were lost.
func TestRefusalsOfTransactions(t *testing.T) {
	const attempts = 4
	unknown := gloebit.CallRows()[0]
	require.Equal(t, gloebit.ErrOutcomeUnknown, unknown.Err)
	order := gloebit.ItemOrder{IdempotencyKey: "form-1", Item: "hat", Price: 40, Quantity: 1}
	for _, row := range gloebit.CallRows() {
		for _, word := range row.Words {
			for _, answer := range []string{
				`{"success":false,"status":"` + word + `"}`,
				`{"success":false,"status":"failed","reason":"` + strings.ToUpper(word) + `"}`,
			} {
				for name, test := range map[string]struct {
					lost  int32
					calls int
				}{
					"first call":             {0, 1},
					"lost answer":            {1, 1},
					"lost call before":       {attempts, 2},
					"lost call, lost answer": {attempts + 1, 2},
				} {
					t.Run(name+"/"+answer, func(t *testing.T) {
						t.Parallel()
						client, merchant, _ := clientOf(t, lastAnswers(test.lost, answer))
						merchant.RetryWithin(time.Microsecond)
						receipt, err := client.PurchaseItem(t.Context(), order)
						if test.calls == 2 {
							require.ErrorIs(t, err, gloebit.ErrOutcomeUnknown)
							first := receipt.TransactionID
							receipt, err = client.PurchaseItem(t.Context(), order)
							require.Equal(t, first, receipt.TransactionID)
						}
						for _, want := range row.Means {
							require.ErrorIs(t, err, want)
						}
						said := pageFor(t, err)
						isLost := test.lost%attempts == 1 && row.Charged != "no"
						if isLost {
							require.ErrorIs(t, err, gloebit.ErrOutcomeUnknown)
							require.Equal(t, gloebit.OutcomeUnknown, receipt.Outcome)
							require.Equal(t, unknown.Status, gloebit.StatusCode(err))
							require.Contains(t, said, unknown.Text)
						} else {
							answered := answeredBy(row)
							require.NotErrorIs(t, err, gloebit.ErrOutcomeUnknown)
							require.Equal(t, row.Outcome, receipt.Outcome)
							require.Equal(t, answered.Status, gloebit.StatusCode(err))
							require.Contains(t, said, answered.Text)
						}
						require.Equal(t, row.Charged == "no", strings.Contains(said, "Nothing was"), said)
					})
				}
			}
		}
	}
}

// TestReasonBesideQueuingFailed has the only status that the document gives to
// a failure. The reasons are those that every call may get.
func TestReasonBesideQueuingFailed(t *testing.T) {
	for reason, want := range map[string]error{
		"missing domain": gloebit.ErrScopeMissing, "unknown consumer": gloebit.ErrUnknownApplication,
		"unknown user": gloebit.ErrUnknownUser, "unknown token": gloebit.ErrTokenRefused,
		"unknown OAuth2 token": gloebit.ErrTokenRefused, "token has expired": gloebit.ErrTokenExpired,
		"insufficient balance": gloebit.ErrInsufficientBalance,
		"pending":              gloebit.ErrQueuingFailed, "the queue is full": gloebit.ErrQueuingFailed,
	} {
		t.Run(reason, func(t *testing.T) {
			client, merchant, _ := clientOf(
				t, answering(200, `{"success":false,"status":"queuing-failed","reason":"`+reason+`"}`),
			)
			merchant.RetryWithin(time.Microsecond)
			order := gloebit.ItemOrder{IdempotencyKey: "form-1", Item: "hat", Price: 40, Quantity: 1}
			_, err := client.PurchaseItem(t.Context(), order)
			require.ErrorIs(t, err, want)
			if want != gloebit.ErrQueuingFailed {
				require.NotErrorIs(t, err, gloebit.ErrQueuingFailed)
			}
		})
	}
}

// TestReasonBesidePending checks that a transaction that may still charge the
// user counts as pending, whatever the reason.
func TestReasonBesidePending(t *testing.T) {
	client, merchant, _ := clientOf(
		t, answering(200, `{"success":false,"status":"pending","reason":"insufficient balance"}`),
	)
	merchant.RetryWithin(time.Microsecond)
	order := gloebit.ItemOrder{IdempotencyKey: "form-1", Item: "hat", Price: 40, Quantity: 1}
	receipt, err := client.PurchaseItem(t.Context(), order)
	require.ErrorIs(t, err, gloebit.ErrTransactionPending)
	require.False(t, receipt.Outcome.Final())
}

// answeredBy returns the row that applies to a call refused with one of the
// reasons.
func answeredBy(row gloebit.Row) connect.Refusal {
	for _, other := range gloebit.ConnectingRows() {
		for _, err := range row.Means {
			if other.Err == err {
				return other
			}
		}
	}
	return row.Refusal
}
