package db_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/switchboard-inbox/switchboard/db"
	"github.com/switchboard-inbox/switchboard/internal/channel"
	"github.com/switchboard-inbox/switchboard/internal/inbox"
)

// TestNoMethodReachesAnotherTenant calls every method of db.Tx as a tenant that knows every id, name, key and hash of another, whose
// tables all hold a row. The arguments are made from the parameters' types, so a new method is in the matrix at once; one whose
// parameters cannot be made fails here. (H12)
func TestNoMethodReachesAnotherTenant(t *testing.T) {
	t.Parallel()
	z := newZoo(t)
	methods := reflect.TypeFor[*db.Tx]()
	for i := range methods.NumMethod() {
		z.probe(t, methods.Method(i).Name, i)
	}
	if methods.NumMethod() < 100 {
		t.Errorf("only %d methods were found", methods.NumMethod())
	}
	for name := range powerless() {
		if _, ok := methods.MethodByName(name); !ok {
			t.Errorf("powerless() names %s, which is gone", name)
		}
	}
	for name := range preparations() {
		if _, ok := methods.MethodByName(name); !ok {
			t.Errorf("preparations() names %s, which is gone", name)
		}
	}
}

func (z *zoo) probe(t *testing.T, name string, no int) {
	t.Helper()
	victim, intruder := z.victim(no), z.w.Tenant(fmt.Sprintf("intruder-%d", no)).ID
	for _, sql := range preparations()[name] {
		if _, err := z.owner.Exec(t.Context(), sql, victim.tenant.UUID()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	before := z.snapshot(victim.tenant)
	results, _ := z.call(t, intruder, name, victim)
	if leak := victim.leak(results); leak != "" {
		t.Errorf("%s: another tenant gets %s: %s", name, leak, results)
	}
	if results, err := z.call(t, inbox.TenantID{}, name, victim); err == nil || results != "" {
		t.Errorf("%s: without a tenant it runs: %s", name, results)
	}
	if z.snapshot(victim.tenant) != before {
		t.Errorf("%s: another tenant's rows were changed", name)
	}
	results, err := z.call(t, victim.tenant, name, victim)
	sees := err == nil && !empty(results)
	acts := err == nil && z.snapshot(victim.tenant) != before
	if why, known := powerless()[name]; known == (sees || acts) {
		t.Errorf("%s: in its own tenant it sees %v, changes something %v, %v; listed as powerless: %q\n%s", name, sees, acts, err, why, results)
	}
}

// call calls a method in a transaction of the tenant, with the victim's ids and names as arguments, and returns its results as JSON.
func (z *zoo) call(t *testing.T, tenant inbox.TenantID, name string, v victim) (results string, err error) {
	t.Helper()
	ctx := t.Context()
	var returned []reflect.Value
	err = z.w.DB.InTenant(ctx, tenant, func(tx inbox.Tx) error {
		method := reflect.ValueOf(tx).MethodByName(name)
		var args []reflect.Value
		for i := range method.Type().NumIn() {
			arg := v.make(ctx, t, method.Type().In(i))
			if method.Type().IsVariadic() && i == method.Type().NumIn()-1 {
				for n := range arg.Len() {
					args = append(args, arg.Index(n))
				}
				continue
			}
			args = append(args, arg)
		}
		returned = method.Call(args)
		for _, out := range returned {
			if e, ok := out.Interface().(error); ok {
				return e
			}
		}
		return nil
	})
	for _, out := range returned { // printed only now, because something may be filled by the commit
		if _, failed := out.Interface().(error); failed {
			break
		}
		text, err := json.Marshal(printable(out))
		if err != nil {
			text = fmt.Appendf(nil, "%+v", out.Interface())
		}
		results += string(text) + "\n"
	}
	return results, err
}

// printable gives a map a form that JSON knows, whatever its keys.
func printable(v reflect.Value) any {
	if v.Kind() != reflect.Map {
		return v.Interface()
	}
	entries := []any{}
	for iter := v.MapRange(); iter.Next(); {
		entries = append(entries, []any{iter.Key().Interface(), iter.Value().Interface()})
	}
	return entries
}

// empty reports whether results tell nothing: no row, no number, no text.
func empty(results string) bool {
	for line := range strings.Lines(results) {
		switch strings.TrimSpace(line) {
		case "null", "[]", "{}", "0", "false", `""`, `"` + uuid.Nil.String() + `"`:
		default:
			return false
		}
	}
	return true
}

// victim is a tenant whose rows all have the same id, and the same text wherever text is free.
type victim struct {
	tenant inbox.TenantID
	id     uuid.UUID
	canary string
}

// bytes returns the canary as bytes that are JSON too.
func (v victim) bytes() []byte { return []byte(`"` + v.canary + `"`) }

// leak returns what of the victim the text holds, or "".
func (v victim) leak(text string) string {
	for _, mark := range []string{v.id.String(), v.tenant.String(), v.canary, base64.StdEncoding.EncodeToString(v.bytes())} {
		if strings.Contains(text, mark) {
			return mark
		}
	}
	return ""
}

// make returns a value of the type that names the victim's rows wherever it can.
func (v victim) make(ctx context.Context, t *testing.T, kind reflect.Type) reflect.Value {
	t.Helper()
	if fixed, ok := v.fixed(ctx, kind); ok {
		return reflect.ValueOf(fixed).Convert(kind)
	}
	out := reflect.New(kind).Elem()
	switch kind.Kind() {
	case reflect.String:
		out.SetString(v.canary)
	case reflect.Bool:
		out.SetBool(true)
	case reflect.Int, reflect.Int32:
		out.SetInt(10)
	case reflect.Int64:
		out.SetInt(2)
	case reflect.Float64:
		out.SetFloat(1)
	case reflect.Pointer:
		out = reflect.New(kind.Elem())
		out.Elem().Set(v.make(ctx, t, kind.Elem()))
	case reflect.Slice:
		if kind.Elem().Kind() == reflect.Uint8 {
			return reflect.ValueOf(v.bytes()).Convert(kind)
		}
		out = reflect.Append(out, v.make(ctx, t, kind.Elem()))
	case reflect.Map:
		out = reflect.MakeMap(kind)
		out.SetMapIndex(v.make(ctx, t, kind.Key()), v.make(ctx, t, kind.Elem()))
	case reflect.Struct:
		for i := range kind.NumField() {
			if kind.Field(i).IsExported() {
				out.Field(i).Set(v.make(ctx, t, kind.Field(i).Type))
			}
		}
		consistent(out.Addr().Interface())
	default:
		t.Fatalf("no value of type %s can be made; teach victim.make", kind)
	}
	return out
}

// consistent corrects values whose fields do not fit each other when all are set.
func consistent(value any) {
	switch v := value.(type) {
	case *inbox.Conversation:
		v.SnoozedUntil, v.ResolvedAt, v.ResolvedAtSeq = nil, nil, nil
	case *inbox.Mark:
		v.Kind = channel.KindReaction
	}
}

// fixed returns the values of types that not every value fits.
func (v victim) fixed(ctx context.Context, kind reflect.Type) (any, bool) {
	switch kind {
	case reflect.TypeFor[context.Context]():
		return ctx, true
	case reflect.TypeFor[uuid.UUID]():
		return v.id, true
	case reflect.TypeFor[inbox.TenantID]():
		return v.tenant, true
	case reflect.TypeFor[time.Time]():
		return time.Now().UTC().Truncate(time.Microsecond), true
	case reflect.TypeFor[json.Number]():
		return "1", true
	case reflect.TypeFor[time.Duration]():
		return time.Minute, true
	case reflect.TypeFor[[]byte]():
		return v.bytes(), true
	case reflect.TypeFor[func() error]():
		return func() error { return nil }, true
	case reflect.TypeFor[map[string]any]():
		return map[string]any{"note": v.canary}, true
	case reflect.TypeFor[inbox.ListPlace]():
		return inbox.ListPlace{LastMessageAt: time.Now().Add(time.Hour), ID: v.id}, true
	}
	if word, ok := words()[kind.String()]; ok {
		return word, true
	}
	return nil, false
}
