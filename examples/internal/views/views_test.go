package views_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit/examples/internal/catalogue"
	"github.com/go-gloebit/gloebit/examples/internal/views"
)

func frame(title, here string) views.Frame {
	return views.Frame{
		Title: title, Here: here, ConnectURL: "/gloebit/connect?return_to=%2F",
		Visitor: &views.Visitor{Name: "<b>Alice</b>", Balance: "1,000", MoreURL: "https://www.gloebit.com/purchase"},
		Notice:  &views.Notice{Tone: views.Good, Text: "You bought 1 × Green hat for 40 G$."},
	}
}

func cards(articles []catalogue.Article, order *uuid.UUID) []views.Card {
	var list []views.Card
	for _, a := range articles {
		list = append(list, views.Card{
			Slug: a.Slug, Title: a.Title, Line: a.Line, Story: a.Story, Price: a.Price, Service: a.IsService(), Order: order,
			Quantity: 2, Most: 99,
		})
	}
	return list
}

func pages() map[string]views.Page {
	key := uuid.New()
	shelf := catalogue.New()
	public := frame("The shelf", "/")
	public.Visitor, public.Notice = nil, nil
	waiting := frame("My purchases", "/purchases")
	waiting.Refresh = 2
	resend := &views.Resend{Slug: "red-scarf", Order: key, Quantity: 2}
	return map[string]views.Page{
		"catalogue": views.Catalogue{
			Frame: public, Products: cards(shelf.Products(), nil), Services: cards(shelf.Services(), nil),
		},
		"connected": views.Catalogue{
			Frame: frame("The shelf", "/"), Products: cards(shelf.Products(), &key), Services: cards(shelf.Services(), &key),
		},
		"article":  views.Article{Frame: frame("Green hat", ""), Article: cards(shelf.Products(), &key)[0]},
		"visiting": views.Article{Frame: public, Article: cards(shelf.Services(), nil)[0]},
		"things": views.Things{
			Frame: frame("My things", "/things"),
			Products: []views.Thing{{Slug: "green-hat", Title: "Green hat", Count: 2}, {
				Slug: "moon-boot", Title: "moon-boot", Count: 1,
			}},
			Services: []views.Thing{{Slug: "gift-wrap", Title: "Gift wrap", Count: 1}},
		},
		"nothing":    views.Things{Frame: frame("My things", "/things")},
		"nopurchase": views.Purchases{Frame: frame("My purchases", "/purchases")},
		"purchases": views.Purchases{Frame: waiting, Lines: []views.Line{
			{
				Title: "Green hat", Quantity: 1, Total: 40, At: time.Unix(1700000000, 0).UTC(), TransactionID: key.String(),
				Outcome: "Paid and delivered", Tone: views.Good,
			},
			{
				Title: "Golden crown", Quantity: 3, Total: 7500, At: time.Unix(1700000000, 0).UTC(), TransactionID: key.String(),
				Outcome: "Refused, nothing charged", Tone: views.Bad,
			},
			{
				Title: "Red scarf", Quantity: 2, Total: 30, At: time.Unix(1700000000, 0).UTC(), TransactionID: key.String(),
				Outcome: "Sent to Gloebit", Tone: views.Warn, Words: "No answer from Gloebit yet.",
			},
		}},
		"notenough": views.NotEnough{
			Frame: frame("Not quite enough gloebits", ""), Slug: "golden-crown", Article: "Golden crown", Quantity: 2,
			Total: 5000, MoreURL: "https://www.gloebit.com/purchase",
		},
		"goodbye": views.Goodbye{Frame: public, AccountURL: "https://www.gloebit.com/"},
		"trouble": views.Trouble{
			Frame: public, Words: []string{"One.", "Two."}, Act: &views.Action{Label: "Try again", URL: "/things"},
			Resend: resend,
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
				t, name == "purchases", strings.Contains(body, `<meta http-equiv="refresh" content="2">`),
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
		page := views.Article{Frame: frame(article.Title, ""), Article: cards([]catalogue.Article{article}, nil)[0]}
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
