package blotretest

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// onOwnTag is onOwn, but answers 404 for another user's stream.
func (s *Server) onOwnTag(next func(http.ResponseWriter, *http.Request, *stream)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		userID, ok := s.caller(w, r)
		if !ok {
			return
		}
		st := s.find(r.PathValue("id"))
		if st == nil || st.owner != userID {
			fail(w, http.StatusNotFound, "Stream does not exist", nil)
			return
		}
		next(w, r, st)
	}
}

func (st *stream) tagsJSON() []map[string]string {
	tags := make([]map[string]string, len(st.tags))
	for i, tag := range st.tags {
		tags[i] = map[string]string{"tag": tag}
	}
	return tags
}

func goodTag(tag string) bool { return tagOf.MatchString(tag) && !sixHex.MatchString(tag) }

// goodTags reports whether there are at most six tags and no duplicates.
func goodTags(tags []string) bool {
	unique := slices.Compact(slices.Sorted(slices.Values(lowered(tags))))
	return len(tags) <= maxTags && len(unique) == len(tags) && !slices.ContainsFunc(
		tags, func(tag string) bool { return !goodTag(tag) },
	)
}

func lowered(tags []string) []string {
	lower := make([]string, len(tags))
	for i, tag := range tags {
		lower[i] = strings.ToLower(tag)
	}
	return lower
}

func (s *Server) tags(w http.ResponseWriter, _ *http.Request, st *stream) {
	writeJSON(w, http.StatusOK, st.tagsJSON())
}

func (s *Server) setTags(w http.ResponseWriter, r *http.Request, st *stream) {
	var asked []struct{ Tag string }
	err := json.Unmarshal(jsonOf(r), &asked)
	var tags []string
	for _, tag := range asked {
		tags = append(tags, tag.Tag)
	}
	if err != nil || !goodTags(tags) {
		fail(w, http.StatusUnprocessableEntity, "Too many tags, or a bad one", nil)
		return
	}
	st.tags, st.updated = lowered(tags), s.base.Now()
	writeJSON(w, http.StatusOK, st.tagsJSON())
}

func (s *Server) tag(w http.ResponseWriter, r *http.Request, st *stream) {
	tag := strings.ToLower(r.PathValue("tag"))
	if !slices.Contains(st.tags, tag) {
		fail(w, http.StatusNotFound, "Tag does not exist", nil)
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"tag": tag})
}

func (s *Server) addTag(w http.ResponseWriter, r *http.Request, st *stream) {
	tag := strings.ToLower(r.PathValue("tag"))
	switch {
	case slices.Contains(st.tags, tag):
		writeJSON(w, http.StatusOK, map[string]string{"tag": tag})
	case len(st.tags) >= maxTags || !goodTag(tag):
		fail(w, http.StatusUnprocessableEntity, "Too many tags, or a bad one", nil)
	default:
		st.tags = append(st.tags, tag)
		writeJSON(w, http.StatusCreated, map[string]string{"tag": tag})
	}
}

func (s *Server) tagged(w http.ResponseWriter, r *http.Request) {
	tag := strings.ToLower(r.PathValue("tag"))
	if !goodTag(tag) {
		fail(w, http.StatusUnprocessableEntity, "Bad tag", nil)
		return
	}
	var streams []*stream
	for _, st := range s.streams {
		if slices.Contains(st.tags, tag) {
			streams = append(streams, st)
		}
	}
	s.found(w, r, streams)
}
