package gloebit

import (
	"fmt"
	"io"
)

// Package fmt calls no methods on unexported fields, so a Secret in one would
// show when what holds it is printed with %+v. Hence these types print
// themselves, whatever the verb.

// Format writes the type's name, whatever the verb: applications print contexts.
func (v *visit) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "gloebit.visit") }

// Format writes the user's id, whatever the verb.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = fmt.Fprintf(f, "gloebit.Client(%s)", c.user.ID) }

// Format writes the client id, whatever the verb.
func (m *Merchant) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "gloebit.Merchant(%s)", m.application.ClientID)
}

// Format writes the type's name, whatever the verb.
func (s *MemoryTokenStore) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "gloebit.MemoryTokenStore")
}

// Format writes the type's name, whatever the verb.
func (s *MemoryStateStore) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "gloebit.MemoryStateStore")
}
