package catalogue_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/go-gloebit/gloebit/examples/internal/catalogue"
)

func TestEveryArticleIsCompleteAndFound(t *testing.T) {
	shelf := catalogue.New()
	require.Len(t, shelf.All(), len(shelf.Products())+len(shelf.Services()))
	seen := map[string]bool{}
	for _, article := range shelf.All() {
		require.Regexp(t, `^[a-z]+(-[a-z]+)*$`, article.Slug)
		require.False(t, seen[article.Slug], article.Slug)
		seen[article.Slug] = true
		found, ok := shelf.Find(article.Slug)
		require.True(t, ok)
		require.Equal(t, article, found)
		require.Positive(t, article.Price)
		require.NotEmpty(t, article.Title)
		require.NotEmpty(t, article.Line)
		require.NotEmpty(t, article.Story)
		require.Equal(t, article.IsService(), article.Use == "", "products are used up, services are not")
	}
	hat, _ := shelf.Find("green-hat")
	require.EqualValues(t, 40, hat.Price)
	_, ok := shelf.Find("moon-boot")
	require.False(t, ok)
}
