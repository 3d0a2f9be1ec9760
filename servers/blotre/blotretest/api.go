package blotretest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	white       = "#ffffff"
	maxFound    = 20
	maxChildren = 1000
	maxTags     = 6
	maxStreams  = 10_000
)

type stream struct {
	id, name, uri, owner string
	created, updated     time.Time
	color, poster        string
	colored              time.Time
	tags                 []string
	children             []string // linked streams, besides those below the URI
}

var (
	bearer   = regexp.MustCompile(`Bearer (\w+)`)
	colorOf  = regexp.MustCompile(`^#[0-9a-fA-F]{6}$`)
	nameOf   = regexp.MustCompile(`^[A-Za-z0-9 _\-$]{1,64}$`)
	tagOf    = regexp.MustCompile(`^[A-Za-z0-9_\-$]{1,32}$`)
	sixHex   = regexp.MustCompile(`^[0-9a-fA-F]{6}$`)
	dropped  = regexp.MustCompile(`[^A-Za-z0-9 _\-$#]`)
	noAccess = "Request requires authorization"
	noRight  = "User does not have permission to perform that operation"
)

// caller returns the user of a request. If there is none, it answers with 401.
func (s *Server) caller(w http.ResponseWriter, r *http.Request) (userID string, ok bool) {
	token := r.URL.Query().Get("access_token")
	if match := bearer.FindStringSubmatch(r.Header.Get("Authorization")); token == "" && match != nil {
		token = match[1]
	}
	grant := s.base.Grants.WithAccess(token)
	switch {
	case grant == nil:
		fail(w, http.StatusUnauthorized, noAccess, nil)
		return "", false
	case s.base.Grants.Expired(grant):
		w.Header().Set("WWW-Authenticate", `Bearer error="invalid_token" error_description="Access token is expired"`)
		fail(w, http.StatusUnauthorized, "Access token is expired", nil)
		return "", false
	}
	return grant.User, true
}

func (s *Server) find(id string) *stream {
	i := slices.IndexFunc(s.streams, func(st *stream) bool { return isID(id) && strings.EqualFold(st.id, id) })
	if i < 0 {
		return nil
	}
	return s.streams[i]
}

// onStream wraps calls on a stream.
func (s *Server) onStream(next func(http.ResponseWriter, *http.Request, *stream)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		st := s.find(r.PathValue("id"))
		if st == nil {
			fail(w, http.StatusNotFound, "Stream does not exist", nil)
			return
		}
		next(w, r, st)
	}
}

// onOwn wraps calls on a stream of the caller.
func (s *Server) onOwn(next func(http.ResponseWriter, *http.Request, *stream)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		userID, ok := s.caller(w, r)
		if !ok {
			return
		}
		s.onStream(func(w http.ResponseWriter, r *http.Request, st *stream) {
			if st.owner != userID {
				fail(w, http.StatusUnauthorized, noRight, nil)
				return
			}
			next(w, r, st)
		})(w, r)
	}
}

func (st *stream) statusJSON() map[string]any {
	return map[string]any{"color": st.color, "created": st.colored.UnixMilli(), "poster": st.poster}
}

func (st *stream) json() map[string]any {
	return map[string]any{
		"id": st.id, "name": st.name, "uri": st.uri, "created": st.created.UnixMilli(), "updated": st.updated.UnixMilli(),
		"status": st.statusJSON(), "owner": st.owner, "tags": st.tagsJSON(),
	}
}

// found writes up to twenty of the streams that match the query, the newest
// first.
func (s *Server) found(w http.ResponseWriter, r *http.Request, streams []*stream) {
	query := dropped.ReplaceAllString(r.URL.Query().Get("query"), "")
	list := []map[string]any{}
	for _, st := range sortedNewest(streams) {
		if len(list) < maxFound && st.matches(query) {
			list = append(list, st.json())
		}
	}
	writeJSON(w, http.StatusOK, list)
}

func (st *stream) matches(query string) bool {
	if colorOf.MatchString(query) {
		return strings.EqualFold(st.color, query)
	}
	if tag, ok := strings.CutPrefix(query, "#"); ok {
		return slices.Contains(st.tags, strings.ToLower(tag))
	}
	return strings.Contains(strings.ToLower(st.name), strings.ToLower(query))
}

func (s *Server) search(w http.ResponseWriter, r *http.Request) { s.found(w, r, s.streams) }

// normal returns a uri as Blot're compares it.
func normal(uri string) string {
	uri = strings.ReplaceAll(strings.TrimSpace(uri), " ", "+")
	uri = strings.TrimSuffix(strings.ToLower(uri), "/")
	if decoded, err := url.PathUnescape(uri); err == nil {
		return decoded
	}
	return uri
}

func (s *Server) at(uri string) *stream {
	i := slices.IndexFunc(s.streams, func(st *stream) bool { return st.uri == uri })
	if i < 0 {
		return nil
	}
	return s.streams[i]
}

// create creates a stream, or sets the status and the tags of the one that has the
// uri.
func (s *Server) create(w http.ResponseWriter, r *http.Request) {
	userID, ok := s.caller(w, r)
	if !ok {
		return
	}
	var asked struct {
		Name, URI *string
		Status    *struct{ Color string }
		Tags      []struct{ Tag string }
	}
	err := json.Unmarshal(jsonOf(r), &asked)
	if err != nil || asked.Name == nil || asked.URI == nil ||
		asked.Status != nil && !colorOf.MatchString(asked.Status.Color) {
		fail(w, http.StatusBadRequest, "Could not process request", map[string]any{"obj.uri": []string{"error.path.missing"}})
		return
	}
	name, uri := strings.TrimSpace(*asked.Name), normal(*asked.URI)
	parentURI, last, below := cutLast(uri)
	if !nameOf.MatchString(name) || strings.ReplaceAll(last, " ", "+") != strings.ReplaceAll(
		strings.ToLower(name), " ", "+",
	) {
		fail(w, http.StatusUnprocessableEntity, "Stream name and uri do not match", map[string]any{"name": name})
		return
	}
	st := s.at(uri)
	parent := s.at(parentURI)
	switch {
	case st == nil && (!below || parent == nil):
		fail(w, http.StatusNotFound, "Parent stream does not exist", nil)
		return
	case st == nil && parent.owner != userID, st != nil && st.owner != userID:
		fail(w, http.StatusUnauthorized, noRight, nil)
		return
	case st == nil && (len(s.childrenOf(parent)) >= maxChildren || s.owned(userID) >= maxStreams):
		fail(w, http.StatusUnprocessableEntity, "Too many streams", nil)
		return
	}
	var tags []string
	for _, tag := range asked.Tags {
		tags = append(tags, tag.Tag)
	}
	if !goodTags(tags) {
		fail(w, http.StatusUnprocessableEntity, "Too many tags, or a bad one", nil)
		return
	}
	status := http.StatusOK
	if st == nil {
		status = http.StatusCreated
		// A URI sent with %20 still has its spaces here, so the lookup above
		// missed the stream whose URI has plus signs.
		uri = strings.ReplaceAll(uri, " ", "+")
		st = &stream{id: newID(), name: name, uri: uri, owner: userID, created: s.base.Now(), color: white}
		s.streams = append(s.streams, st)
	}
	if asked.Status != nil {
		st.paint(asked.Status.Color, userID, s.base.Now())
	}
	if asked.Tags != nil {
		st.tags = lowered(tags)
	}
	st.updated = s.base.Now()
	writeJSON(w, status, st.json())
}

func (st *stream) paint(color, poster string, now time.Time) {
	st.color, st.poster, st.colored, st.updated = strings.ToLower(color), poster, now, now
}

// cutLast splits a uri before its last segment.
func cutLast(uri string) (before, last string, below bool) {
	i := strings.LastIndexByte(uri, '/')
	if i < 0 {
		return "", uri, false
	}
	return uri[:i], uri[i+1:], true
}

func (s *Server) owned(userID string) (n int) {
	for _, st := range s.streams {
		if st.owner == userID {
			n++
		}
	}
	return n
}

func (st *stream) isBelow(parent *stream) bool {
	before, _, below := cutLast(st.uri)
	return below && before == parent.uri
}

func (s *Server) childrenOf(parent *stream) []*stream {
	var children []*stream
	for _, st := range s.streams {
		if st.isBelow(parent) || slices.Contains(parent.children, st.id) {
			children = append(children, st)
		}
	}
	return children
}

func (s *Server) show(w http.ResponseWriter, _ *http.Request, st *stream) {
	writeJSON(w, http.StatusOK, st.json())
}

func (s *Server) remove(w http.ResponseWriter, _ *http.Request, st *stream) {
	if u := s.users[st.owner]; u != nil && u.RootStream == st.id {
		fail(w, http.StatusUnprocessableEntity, "Cannot delete the root stream", nil)
		return
	}
	s.streams = slices.DeleteFunc(s.streams, func(other *stream) bool { return other == st })
	writeJSON(w, http.StatusOK, st.json())
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request, st *stream) {
	writeJSON(w, http.StatusOK, st.statusJSON())
}

func (s *Server) setStatus(w http.ResponseWriter, r *http.Request, st *stream) {
	var asked struct{ Color string }
	if json.Unmarshal(jsonOf(r), &asked) != nil || !colorOf.MatchString(asked.Color) {
		fail(w, http.StatusBadRequest, "Could not process request", map[string]any{"obj.color": []string{"error.color"}})
		return
	}
	st.paint(asked.Color, st.owner, s.base.Now())
	writeJSON(w, http.StatusOK, st.statusJSON())
}

func (s *Server) children(w http.ResponseWriter, r *http.Request, st *stream) {
	s.found(w, r, s.childrenOf(st))
}

func (s *Server) child(w http.ResponseWriter, r *http.Request, st *stream) {
	child := s.find(r.PathValue("child"))
	if child == nil || !slices.Contains(s.childrenOf(st), child) {
		fail(w, http.StatusNotFound, "Child does not exist", nil)
		return
	}
	writeJSON(w, http.StatusOK, child.json())
}

func (s *Server) link(w http.ResponseWriter, r *http.Request, st *stream) {
	child := s.find(r.PathValue("child"))
	children := s.childrenOf(st)
	switch {
	case child == nil:
		fail(w, http.StatusNotFound, "Child does not exist", nil)
	case child == st:
		fail(w, http.StatusUnprocessableEntity, "A stream can't be its own child", nil)
	case slices.Contains(children, child):
		writeJSON(w, http.StatusOK, child.json())
	case len(children) >= maxChildren:
		fail(w, http.StatusUnprocessableEntity, "Too many children", nil)
	default:
		st.children = append(st.children, child.id)
		writeJSON(w, http.StatusCreated, child.json())
	}
}

func (s *Server) unlink(w http.ResponseWriter, r *http.Request, st *stream) {
	child := s.find(r.PathValue("child"))
	switch {
	case child == nil || !slices.Contains(s.childrenOf(st), child):
		fail(w, http.StatusNotFound, "Child does not exist", nil)
	case child.isBelow(st):
		fail(w, http.StatusUnprocessableEntity, "Cannot remove a hierarchical child", nil)
	default:
		st.children = slices.DeleteFunc(st.children, func(id string) bool { return id == child.id })
		writeJSON(w, http.StatusOK, child.json())
	}
}

// user answers an unknown id with an empty body, as Blot're does.
func (s *Server) user(w http.ResponseWriter, r *http.Request) {
	found := s.userJSON(r.PathValue("id"))
	if found == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	writeJSON(w, http.StatusOK, found)
}
