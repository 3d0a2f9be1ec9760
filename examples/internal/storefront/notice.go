package storefront

import (
	"context"
	"net/http"
	"strings"

	"github.com/go-gloebit/gloebit"

	"github.com/go-gloebit/gloebit/examples/internal/views"
)

// noticeKey is the session key of the message for the next page.
const noticeKey = "shop.notice"

// leave redirects the browser to path, where the message is shown once.
func (s *Storefront) leave(ctx context.Context, path string, tone views.Tone, text string) Reply {
	s.note(ctx, tone, text, "")
	return Reply{Status: http.StatusSeeOther, Location: path}
}

// note stores a message, with the path of the receipt that it links, if any.
func (s *Storefront) note(ctx context.Context, tone views.Tone, text, receipt string) {
	s.config.Sessions.Put(ctx, noticeKey, strings.Join([]string{string(tone), receipt, text}, "\n"))
}

// notice removes and returns the stored message, if there is one.
func (s *Storefront) notice(ctx context.Context) *views.Notice {
	parts := strings.SplitN(s.config.Sessions.PopString(ctx, noticeKey), "\n", 3)
	if len(parts) != 3 {
		return nil
	}
	return &views.Notice{Tone: views.Tone(parts[0]), Receipt: parts[1], Text: parts[2]}
}

// Connected stores a greeting for a visitor who has just connected. It is
// called by gloebit.Config.OnConnect, before the connection is saved. If saving
// fails, Trouble removes the greeting.
func (s *Storefront) Connected(r *http.Request, connection gloebit.Connection) error {
	tone, text := views.Good, "Welcome, "+connection.User.Name+". You are connected with Gloebit."
	if len(connection.Missing) > 0 {
		tone, text = views.Warn, text+" You did not allow everything the shop asked for, so some things won’t work."
	}
	s.note(r.Context(), tone, text, "")
	return nil
}
