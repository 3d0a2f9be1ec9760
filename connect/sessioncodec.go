package connect

import (
	"encoding/binary"
	"errors"

	"math"
	"math/bits"
	"time"

	"github.com/alexedwards/scs/v2"
)

// SessionCodec encodes the sessions of an *scs.SessionManager in a compact
// form, which decodes some twenty times as fast as encoding/gob, the default of
// scs. The zero value is ready for use, and safe for concurrent use:
//
//	sessions := scs.New()
//	sessions.Codec = connect.SessionCodec{}
//
// Values of these types are decoded as gob would decode them: strings, byte
// slices, booleans, integers, floating-point numbers, time.Time (which gob
// requires to be registered) and nil. If a session has a value of any other
// type, the whole session is written with gob. Sessions that gob has written
// can still be read, so no user is signed out.
//
// Replicas that only know gob can't read the compact form. In a rolling
// deployment, let the new replicas read both forms and write gob until the last
// old replica is gone; see the example.
type SessionCodec struct{}

var _ scs.Codec = SessionCodec{}

// compactSession is the first byte of a session in the compact form. No gob
// stream begins with it: a gob stream begins with the length of its first
// message, which is below 0x80 or a negated byte count of 0xF8 or more.
const compactSession = 0xB1

// The compact form is the byte above, the deadline, the number of values, and
// for each its key, its kind and the value. Numbers are varints, strings are
// preceded by their length, and times are encoded by time.Time.MarshalBinary.
const (
	kindNil = iota
	kindString
	kindBytes
	kindFalse
	kindTrue
	kindInt
	kindInt8
	kindInt16
	kindInt32
	kindInt64
	kindUint
	kindUint8
	kindUint16
	kindUint32
	kindUint64
	kindFloat32
	kindFloat64
	kindTime
)

// Encode implements scs.Codec. Its errors are those of encoding/gob, such as a
// type that is not registered.
func (SessionCodec) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	size := 32
	for key, value := range values {
		size += len(key) + 24
		if s, ok := value.(string); ok {
			size += len(s)
		}
	}
	b, ok := appendTime(append(make([]byte, 0, size), compactSession), deadline)
	b = binary.AppendUvarint(b, uint64(len(values)))
	for key, value := range values {
		if !ok {
			break
		}
		b, ok = appendValue(appendString(b, key), value)
	}
	if !ok {
		return scs.GobCodec{}.Encode(deadline, values)
	}
	return b, nil
}

// Decode implements scs.Codec. It returns an error for bytes that neither it
// nor gob has written. It allocates memory in proportion to the length of the
// bytes, even if they are hostile.
func (SessionCodec) Decode(b []byte) (time.Time, map[string]any, error) {
	if len(b) == 0 || b[0] != compactSession {
		deadline, values, err := scs.GobCodec{}.Decode(b)
		if err == nil && values == nil {
			values = map[string]any{}
		}
		return deadline, values, err
	}
	r := sessionReader{bytes: b[1:], text: string(b[1:])}
	deadline := r.time()
	count := r.uint(math.MaxUint64)
	if count > uint64(len(r.bytes)/2) { // a key and a kind take at least two bytes
		r.bad = true
		count = 0
	}
	values := make(map[string]any, count)
	for i := uint64(0); i < count && !r.bad; i++ {
		key := r.string()
		values[key] = r.value()
	}
	if r.bad || len(r.bytes) > 0 || uint64(len(values)) != count {
		return time.Time{}, nil, errSession
	}
	return deadline, values, nil
}

var errSession = errors.New("a session can't be read: it was cut off, or SessionCodec did not write it")

// appendValue returns false for a value that the compact form does not support.
func appendValue(b []byte, value any) ([]byte, bool) {
	switch v := value.(type) {
	case nil:
		return append(b, kindNil), true
	case string:
		return appendString(append(b, kindString), v), true
	case []byte:
		return appendString(append(b, kindBytes), v), true
	case bool:
		if v {
			return append(b, kindTrue), true
		}
		return append(b, kindFalse), true
	case int:
		return binary.AppendVarint(append(b, kindInt), int64(v)), true
	case int8:
		return binary.AppendVarint(append(b, kindInt8), int64(v)), true
	case int16:
		return binary.AppendVarint(append(b, kindInt16), int64(v)), true
	case int32:
		return binary.AppendVarint(append(b, kindInt32), int64(v)), true
	case int64:
		return binary.AppendVarint(append(b, kindInt64), v), true
	case uint:
		return binary.AppendUvarint(append(b, kindUint), uint64(v)), true
	case uint8:
		return binary.AppendUvarint(append(b, kindUint8), uint64(v)), true
	case uint16:
		return binary.AppendUvarint(append(b, kindUint16), uint64(v)), true
	case uint32:
		return binary.AppendUvarint(append(b, kindUint32), uint64(v)), true
	case uint64:
		return binary.AppendUvarint(append(b, kindUint64), v), true
	case float32:
		return binary.LittleEndian.AppendUint32(append(b, kindFloat32), math.Float32bits(v)), true
	case float64:
		return binary.LittleEndian.AppendUint64(append(b, kindFloat64), math.Float64bits(v)), true
	case time.Time:
		return appendTime(append(b, kindTime), v)
	}
	return b, false
}

func appendString[S string | []byte](b []byte, s S) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendTime returns false for a time whose zone has no binary encoding.
func appendTime(b []byte, t time.Time) ([]byte, bool) {
	at := len(b)
	b, err := t.AppendBinary(append(b, 0))
	if err != nil {
		return b, false
	}
	b[at] = byte(len(b) - at - 1) // 15 or 16
	return b, true
}

// sessionReader reads the compact form. After invalid input, bad is set and it
// returns zeros. All strings share one copy.
type sessionReader struct {
	bytes []byte
	text  string // the same as a string
	bad   bool
}

func (r *sessionReader) skip(n int) {
	r.bytes, r.text = r.bytes[n:], r.text[n:]
}

// uint reads a number up to most.
func (r *sessionReader) uint(most uint64) uint64 {
	v, n := binary.Uvarint(r.bytes)
	if n <= 0 || v > most {
		r.bad = true
		return 0
	}
	r.skip(n)
	return v
}

// int reads a number of the given bits.
func (r *sessionReader) int(bits int) int64 {
	v, n := binary.Varint(r.bytes)
	if n <= 0 || v<<(64-bits)>>(64-bits) != v {
		r.bad = true
		return 0
	}
	r.skip(n)
	return v
}

// next reads n bytes.
func (r *sessionReader) next(n uint64) (b []byte, text string) {
	if n > uint64(len(r.bytes)) {
		r.bad = true
		return nil, ""
	}
	b, text = r.bytes[:n], r.text[:n]
	r.skip(int(n))
	return b, text
}

func (r *sessionReader) string() string {
	_, text := r.next(r.uint(math.MaxUint64))
	return text
}

func (r *sessionReader) time() (t time.Time) {
	b, _ := r.next(r.uint(math.MaxUint8))
	if t.UnmarshalBinary(b) != nil || binary.BigEndian.Uint32(b[9:]) >= 1e9 { // it does not check the nanoseconds
		r.bad = true
		return time.Time{}
	}
	return t
}

func (r *sessionReader) value() any {
	switch r.uint(math.MaxUint8) {
	case kindNil:
		return nil
	case kindString:
		return r.string()
	case kindBytes: // an empty value becomes nil, as with gob
		return append([]byte(nil), r.string()...)
	case kindFalse:
		return false
	case kindTrue:
		return true
	case kindInt:
		return int(r.int(bits.UintSize))
	case kindInt8:
		return int8(r.int(8))
	case kindInt16:
		return int16(r.int(16))
	case kindInt32:
		return int32(r.int(32))
	case kindInt64:
		return r.int(64)
	case kindUint:
		return uint(r.uint(math.MaxUint))
	case kindUint8:
		return uint8(r.uint(math.MaxUint8))
	case kindUint16:
		return uint16(r.uint(math.MaxUint16))
	case kindUint32:
		return uint32(r.uint(math.MaxUint32))
	case kindUint64:
		return r.uint(math.MaxUint64)
	case kindFloat32:
		if b, _ := r.next(4); b != nil {
			return math.Float32frombits(binary.LittleEndian.Uint32(b))
		}
	case kindFloat64:
		if b, _ := r.next(8); b != nil {
			return math.Float64frombits(binary.LittleEndian.Uint64(b))
		}
	case kindTime:
		return r.time()
	}
	r.bad = true
	return nil
}
