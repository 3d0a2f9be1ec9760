package redisstore

// PrefixOf is what the names of a store's keys begin with.
func PrefixOf(s *Store) string { return s.prefix }
