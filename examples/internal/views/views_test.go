package views_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-gloebit/gloebit"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit/examples/internal/catalogue"
	"github.com/go-gloebit/gloebit/examples/internal/views"
)

func frame(title, tab, here string) views.Frame {
	balance, _ := gloebit.ParseAmount("1000")
	return views.Frame{
		Title: title, Tab: tab, Here: here, ConnectURL: "/gloebit/connect?return_to=%2F",
		Visitor: &views.Visitor{Name: "<b>Alice</b>", Balance: balance, MoreURL: "https://www.gloebit.com/purchase"},
		Notice:  &views.Notice{Tone: views.Good, Text: "You bought 1 × Green hat for 40 G$.", Receipt: "/purchases/1"},
	}
}

func pages() map[string]views.Page {
	key := uuid.New()
	shelf := catalogue.New()
	hat := shelf.Products()[0]
	public := frame("The shelf", "/", "/")
	public.Visitor, public.Notice = nil, nil
	waiting := frame("On its way", "/purchases", "/purchases/1")
	waiting.Next = "/purchases/1?wait=1"
	lines := []views.Line{
		{
			Slug: "green-hat", Title: "Green hat", Quantity: 1, Total: 40, At: time.Unix(1700000000, 0).UTC(),
			TransactionID: key.String(), Outcome: "Paid and delivered", Tone: views.Good, Receipt: "/purchases/1",
		},
		{
			Slug: "red-scarf", Title: "Red scarf", Quantity: 2, Total: 30, At: time.Unix(1700000000, 0).UTC(),
			TransactionID: key.String(), Outcome: "Sent to Gloebit", Tone: views.Warn, Words: "No answer from Gloebit yet.",
		},
	}
	return map[string]views.Page{
		"catalogue": views.Catalogue{Frame: public, Products: shelf.Products(), Services: shelf.Services()},
		"connected": views.Catalogue{Frame: frame("The shelf", "/", "/"), Products: shelf.Products()},
		"article":   views.Article{Frame: frame("Green hat", "/", "/shelf/green-hat"), Article: hat, Quantity: 1, Most: 99},
		"visiting":  views.Article{Frame: public, Article: shelf.Services()[0], Quantity: 1, Most: 99},
		"checkout": views.Checkout{
			Frame: frame("Your order", "/", "/buy/green-hat"), Article: hat, Quantity: 2, Total: 80, Left: "920",
		},
		"notenough": views.Checkout{
			Frame: frame("Not quite enough", "/", "/buy/green-hat"), Article: hat, Quantity: 30, Total: 1200, Missing: "200",
		},
		"things": views.Things{
			Frame: frame("My things", "/things", "/things"),
			Products: []views.Thing{{Slug: "green-hat", Title: "Green hat", Count: 2}, {
				Slug: "moon-boot", Title: "moon-boot", Count: 1,
			}},
			Services: []views.Thing{{Slug: "gift-wrap", Title: "Gift wrap", Count: 1}},
		},
		"nothing": views.Things{Frame: frame("My things", "/things", "/things")},
		"use": views.Use{
			Frame: frame("Use one?", "/things", "/use/moon-boot"), Slug: "moon-boot", Count: 1, Order: key,
		},
		"nopurchase": views.Purchases{Frame: frame("My purchases", "/purchases", "/purchases")},
		"purchases":  views.Purchases{Frame: frame("My purchases", "/purchases", "/purchases"), Lines: lines},
		"receipt":    views.Receipt{Frame: frame("Paid", "/purchases", "/purchases/1"), Line: lines[0], Price: 40},
		"waiting":    views.Receipt{Frame: waiting, Line: lines[1], Price: 15},
		"goodbye":    views.Goodbye{Frame: public, AccountURL: "https://www.gloebit.com/"},
		"trouble": views.Trouble{
			Frame: public, Words: []string{"One.", "Two."}, Act: &views.Action{Label: "Try again", URL: "/things"},
			Resend: &views.Resend{Slug: "red-scarf", Order: key, Quantity: 2},
		},
	}
}

func TestPagesRenderWithoutScriptOrInlineStyle(t *testing.T) {
	v, err := views.New()
	require.NoError(t, err)
	for name, page := range pages() {
		t.Run(name, func(t *testing.T) {
			w := httptest.NewRecorder()
			require.NoError(t, v.Render(w, http.StatusTeapot, page))
			body := w.Body.String()
			require.Equal(t, http.StatusTeapot, w.Code)
			require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			require.True(t, strings.HasSuffix(strings.TrimSpace(body), "</html>"))
			for _, forbidden := range []string{"<script", "style=", "<style", "ZgotmplZ", "<no value>", "<b>Alice"} {
				require.NotContains(t, body, forbidden)
			}
			require.NotRegexp(t, ` on[a-z]+="`, body, "no event handlers")
			require.Equal(t, 1, strings.Count(body, "<h1"), "one heading names the page")
			require.Equal(
				t, name == "waiting", strings.Contains(body, `http-equiv="refresh" content="0; url=/purchases/1?wait=1"`),
				"only what waits is loaded again",
			)
		})
	}
}

func TestEveryArticleHasADrawingOfItsOwn(t *testing.T) {
	v, err := views.New()
	require.NoError(t, err)
	for _, article := range catalogue.New().All() {
		w := httptest.NewRecorder()
		page := views.Article{Frame: frame(article.Title, "", ""), Article: article}
		require.NoError(t, v.Render(w, http.StatusOK, page))
		require.Equal(
			t, 1, strings.Count(w.Body.String(), `class="mark"`), "only the shop's own mark in the corner: %s", article.Slug,
		)
	}
}

func TestAmountsAreFormatted(t *testing.T) {
	for amount, want := range map[string]string{
		"0": "0", "999": "999", "1000": "1,000", "1234567": "1,234,567", "-1000": "-1,000", "12.50": "12.50",
		"1000.125": "1,000.125",
	} {
		require.Equal(t, want, views.Gloebits(amount))
	}
	require.Equal(t, "2,500", views.Gloebits(int64(2500)))
}
