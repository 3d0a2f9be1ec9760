package blotre

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/go-gloebit/gloebit/connect"
)

// Stream is a stream, whose status is a color.
type Stream struct {
	ID      string
	Name    string
	URI     string
	Owner   string // the id of a user
	Created time.Time
	Updated time.Time
	Status  Status
	Tags    []string
}

// Status is the color of a stream.
type Status struct {
	Color   string // as #rrggbb
	Created time.Time
	Poster  string // the id of a user; may be empty
}

// User is a user of Blot're.
type User struct {
	ID         string `json:"id"`
	Name       string `json:"userName"`
	RootStream string `json:"rootStream"` // the id of the user's stream
}

// millis is a time as milliseconds since 1970.
type millis time.Time

// UnmarshalJSON implements [json.Unmarshaler].
func (m *millis) UnmarshalJSON(b []byte) error {
	if string(b) == "null" {
		return nil
	}
	var number json.Number
	if err := json.Unmarshal(b, &number); err != nil {
		return fmt.Errorf("the time is no number")
	}
	ms, err := number.Float64()
	if err != nil || ms < -1e15 || ms > 1e15 {
		return fmt.Errorf("the time is no number of milliseconds")
	}
	*m = millis(time.UnixMilli(int64(ms)).UTC())
	return nil
}

// tag is a tag in Blot're's JSON.
type tag struct {
	Tag string `json:"tag"`
}

func tagsOf(names []string) []tag {
	tags := make([]tag, len(names))
	for i, name := range names {
		tags[i].Tag = name
	}
	return tags
}

func namesOf(tags []tag) []string {
	var names []string
	for _, tag := range tags {
		names = append(names, tag.Tag)
	}
	return names
}

// UnmarshalJSON decodes a status in Blot're's JSON.
func (s *Status) UnmarshalJSON(b []byte) error {
	var wire struct {
		Color   string `json:"color"`
		Created millis `json:"created"`
		Poster  string `json:"poster"`
	}
	if err := json.Unmarshal(b, &wire); err != nil {
		return err
	}
	*s = Status{wire.Color, time.Time(wire.Created), wire.Poster}
	return nil
}

// UnmarshalJSON decodes a stream in Blot're's JSON.
func (s *Stream) UnmarshalJSON(b []byte) error {
	var wire struct {
		ID      string `json:"id"`
		Name    string `json:"name"`
		URI     string `json:"uri"`
		Owner   string `json:"owner"`
		Created millis `json:"created"`
		Updated millis `json:"updated"`
		Status  Status `json:"status"`
		Tags    []tag  `json:"tags"`
	}
	if err := json.Unmarshal(b, &wire); err != nil {
		return err
	}
	*s = Stream{
		wire.ID, wire.Name, wire.URI, wire.Owner, time.Time(wire.Created), time.Time(wire.Updated), wire.Status,
		namesOf(wire.Tags),
	}
	return nil
}

// NewStream describes a stream to create.
type NewStream struct {
	// Name has 1 to 64 letters, digits, spaces, and the characters _ - $.
	Name string
	// URI ends with the name. To make it, use [JoinURI]:
	// blotre.JoinURI("toastmastergeneral", name).
	URI string
	// Color is the first status, as #rrggbb. If empty, Blot're chooses it.
	Color string
	// Tags are up to 6 tags.
	Tags []string
}

func (n NewStream) body() map[string]any {
	body := map[string]any{"name": n.Name, "uri": n.URI}
	if n.Color != "" {
		body["status"] = map[string]string{"color": n.Color}
	}
	if len(n.Tags) > 0 {
		body["tags"] = tagsOf(n.Tags)
	}
	return body
}

// queryOf returns the query of a search. An empty search matches all.
func queryOf(search string) url.Values {
	if search == "" {
		return nil
	}
	return url.Values{"query": {search}}
}

// streams sends a request for a list of streams.
func (c Client) streams(ctx context.Context, search string, segments ...string) ([]Stream, error) {
	var list listOf[Stream]
	_, err := c.api(ctx, http.MethodGet, queryOf(search), nil, &list, segments...)
	return list.all, err
}

// stream sends a request for one stream.
func (c Client) stream(
	ctx context.Context, method string, body any, segments ...string,
) (stream Stream, created bool, err error) {
	status, err := c.api(ctx, method, nil, body, &stream, segments...)
	return stream, err == nil && status == http.StatusCreated, err
}

// Streams searches all streams and returns up to 20, the newest first. The
// search is #rrggbb for a color, #tag for a tag, and otherwise a part of the
// name. An empty search matches every stream.
func (c Client) Streams(ctx context.Context, search string) ([]Stream, error) {
	return c.streams(ctx, search, "stream")
}

// Stream returns a stream.
func (c Client) Stream(ctx context.Context, id string) (Stream, error) {
	stream, _, err := c.stream(ctx, http.MethodGet, nil, "stream", id)
	return stream, err
}

// CreateStream creates a stream for the user. If a stream with the URI exists,
// CreateStream sets its status and tags, and created is false.
func (c Client) CreateStream(ctx context.Context, stream NewStream) (made Stream, created bool, err error) {
	return c.stream(ctx, http.MethodPut, stream.body(), "stream")
}

// DeleteStream deletes one of the user's streams and returns it.
func (c Client) DeleteStream(ctx context.Context, id string) (Stream, error) {
	stream, _, err := c.stream(ctx, http.MethodDelete, nil, "stream", id)
	return stream, err
}

// Status returns the status of a stream.
func (c Client) Status(ctx context.Context, id string) (Status, error) {
	var status Status
	_, err := c.api(ctx, http.MethodGet, nil, nil, &status, "stream", id, "status")
	return status, err
}

// SetStatus sets the color of one of the user's streams, as #rrggbb.
func (c Client) SetStatus(ctx context.Context, id, color string) (Status, error) {
	var status Status
	_, err := c.api(ctx, http.MethodPost, nil, map[string]string{"color": color}, &status, "stream", id, "status")
	return status, err
}

// Children searches the children of a stream, as [Client.Streams] does.
func (c Client) Children(ctx context.Context, id, search string) ([]Stream, error) {
	return c.streams(ctx, search, "stream", id, "children")
}

// Child returns a child of a stream. The error is [connect.ErrNotFound] if it
// is not a child.
func (c Client) Child(ctx context.Context, id, child string) (Stream, error) {
	stream, _, err := c.stream(ctx, http.MethodGet, nil, "stream", id, "children", child)
	return stream, err
}

// LinkChild makes a stream a child of one of the user's streams. If it was a
// child already, linked is false.
func (c Client) LinkChild(ctx context.Context, id, child string) (linked bool, err error) {
	status, err := c.api(ctx, http.MethodPut, nil, nil, nil, "stream", id, "children", child)
	return err == nil && status == http.StatusCreated, err
}

// UnlinkChild undoes LinkChild. Streams that are children because of their URI
// stay children.
func (c Client) UnlinkChild(ctx context.Context, id, child string) error {
	_, err := c.api(ctx, http.MethodDelete, nil, nil, nil, "stream", id, "children", child)
	return err
}

// Tags returns the tags of a stream.
func (c Client) Tags(ctx context.Context, id string) ([]string, error) {
	var list listOf[tag]
	_, err := c.api(ctx, http.MethodGet, nil, nil, &list, "stream", id, "tags")
	return namesOf(list.all), err
}

// SetTags replaces all tags of one of the user's streams. There may be up to 6.
func (c Client) SetTags(ctx context.Context, id string, tags ...string) error {
	_, err := c.api(ctx, http.MethodPost, nil, tagsOf(tags), nil, "stream", id, "tags")
	return err
}

// HasTag reports whether a stream has a tag.
func (c Client) HasTag(ctx context.Context, id, tag string) (bool, error) {
	_, err := c.api(ctx, http.MethodGet, nil, nil, nil, "stream", id, "tags", tag)
	if isNotFound(err) { // the stream or the tag does not exist
		_, err = c.api(ctx, http.MethodGet, nil, nil, nil, "stream", id)
		return false, err
	}
	return err == nil, err
}

// AddTag adds a tag to one of the user's streams. If the stream has it, added
// is false.
func (c Client) AddTag(ctx context.Context, id, tag string) (added bool, err error) {
	status, err := c.api(ctx, http.MethodPut, nil, nil, nil, "stream", id, "tags", tag)
	return err == nil && status == http.StatusCreated, err
}

// RemoveTag removes a tag from one of the user's streams. Blot're's own request
// for that sets the tag instead, so RemoveTag reads the tags and sets the
// others. A tag that is added in between is lost.
func (c Client) RemoveTag(ctx context.Context, id, tag string) error {
	tags, err := c.Tags(ctx, id)
	if err != nil {
		return err
	}
	var others []string
	for _, other := range tags {
		if !sameTag(other, tag) {
			others = append(others, other)
		}
	}
	if len(others) == len(tags) {
		return nil
	}
	return c.SetTags(ctx, id, others...)
}

// Tagged searches the streams that have a tag, as [Client.Streams] does.
func (c Client) Tagged(ctx context.Context, tag, search string) ([]Stream, error) {
	return c.streams(ctx, search, "tag", tag, "children")
}

// User returns a user. The error is [connect.ErrNotFound] if it doesn't exist.
func (c Client) User(ctx context.Context, id string) (User, error) {
	var user User
	if _, err := c.api(ctx, http.MethodGet, nil, nil, &user, "user", id); err != nil {
		return User{}, err
	}
	if user.ID == "" {
		return User{}, fmt.Errorf("blotre: %w: the user has no id", connect.ErrInvalidResponse)
	}
	return user, nil
}
