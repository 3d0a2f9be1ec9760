package storefront

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"github.com/go-gloebit/gloebit"
	"github.com/google/uuid"

	"github.com/go-gloebit/gloebit/examples/internal/views"
)

// AskUse is the page that asks for confirmation before one piece of a product
// is used up.
func (s *Storefront) AskUse(ctx context.Context, slug string) (Reply, error) {
	owned, err := gloebit.MustFromContext(ctx).Products(ctx)
	if err != nil {
		return Reply{}, err
	}
	if owned[slug] < 1 {
		return s.NotFound(ctx)
	}
	title := s.title(slug)
	return show(views.Use{
		Frame: s.frame(ctx, "Use one "+title+"?", PathThings, pathUse+url.PathEscape(slug)),
		Slug:  slug, Count: owned[slug], Order: newKey(),
	}), nil
}

// Use uses up one piece of a product. The form's key makes a double click one
// use.
func (s *Storefront) Use(ctx context.Context, slug string, form Form) (Reply, error) {
	client := gloebit.MustFromContext(ctx)
	key, err := uuid.Parse(form.Order)
	if err != nil {
		return s.badForm(ctx, PathThings)
	}
	first, err := s.config.Books.First(ctx, key.String(), s.now())
	if err != nil {
		return Reply{}, fmt.Errorf("%w: remember a form: %w", gloebit.ErrStore, err)
	}
	if !first {
		return s.leave(ctx, PathThings, views.Warn, "That button was pressed twice; only one was used."), nil
	}
	left, err := client.ConsumeProduct(ctx, slug, 1)
	if err != nil {
		return s.notUsed(ctx, slug, err)
	}
	text := "You used one " + slug + "."
	if article, ok := s.config.Catalogue.Find(slug); ok && article.Use != "" {
		text = article.Use
	}
	return s.leave(ctx, PathThings, views.Good, text+" "+leftover(left)), nil
}

// notUsed explains why nothing was used up, as far as it is known.
func (s *Storefront) notUsed(ctx context.Context, slug string, err error) (Reply, error) {
	var refused *gloebit.APIError
	switch {
	case errors.Is(err, gloebit.ErrNotConnected), errors.Is(err, gloebit.ErrScopeMissing):
		return Reply{}, err
	case unanswered(err):
		s.log.WarnContext(ctx, "shop: no answer to a use", "product", slug, "error", err)
		return s.leave(
			ctx, PathThings, views.Warn,
			"Gloebit did not say whether it took the "+s.title(slug)+". Count below before you try again.",
		), nil
	case errors.As(err, &refused):
		s.log.InfoContext(ctx, "shop: not used", "product", slug, "error", err)
		return s.leave(ctx, PathThings, views.Bad, "You have no "+s.title(slug)+" to use."), nil
	default:
		return Reply{}, err
	}
}

// unanswered reports whether the outcome is unknown.
func unanswered(err error) bool {
	for _, temporary := range []error{
		gloebit.ErrOutcomeUnknown, gloebit.ErrUnavailable, gloebit.ErrInvalidResponse, gloebit.ErrRateLimited,
		context.DeadlineExceeded, context.Canceled,
	} {
		if errors.Is(err, temporary) {
			return true
		}
	}
	return false
}

func leftover(left int64) string {
	if left == 0 {
		return "That was the last one."
	}
	return "You have " + strconv.FormatInt(left, 10) + " left."
}
