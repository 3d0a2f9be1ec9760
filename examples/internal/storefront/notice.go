package storefront

import (
	"context"
	"net/http"
	"strings"

	"github.com/go-gloebit/gloebit"

	"github.com/go-gloebit/gloebit/examples/internal/views"
)

// noticeKey is where the session keeps the message for the next page.
const noticeKey = "shop.notice"

// leave sends the browser on to path, where the message is shown once.
func (s *Storefront) leave(ctx context.Context, path string, tone views.Tone, text string) Reply {
	s.config.Sessions.Put(ctx, noticeKey, string(tone)+" "+text)
	return Reply{Status: http.StatusSeeOther, Location: path}
}

// notice takes the message that the last action left, if there is one.
func (s *Storefront) notice(ctx context.Context) *views.Notice {
	tone, text, ok := strings.Cut(s.config.Sessions.PopString(ctx, noticeKey), " ")
	if !ok {
		return nil
	}
	return &views.Notice{Tone: views.Tone(tone), Text: text}
}

// Connected greets a visitor who has just connected. It is made for
// gloebit.Config.OnConnect, which is called before the connection is saved: when
// that fails, Trouble takes the greeting back.
func (s *Storefront) Connected(r *http.Request, connection gloebit.Connection) error {
	tone, text := views.Good, "Welcome, "+connection.User.Name+". You are connected with Gloebit."
	if len(connection.Missing) > 0 {
		tone, text = views.Warn, text+" You did not allow everything the shop asked for, so some things won’t work."
	}
	s.config.Sessions.Put(r.Context(), noticeKey, string(tone)+" "+text)
	return nil
}
