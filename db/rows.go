package db

import (
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// rows turns items into the values of one statement. A column that is NULL in all of them is left out. A single item travels as plain values
// and several as arrays side by side: to unnest twenty arrays costs more than to insert the row they hold.
type rows[T any] struct {
	items   []T
	columns []string // names
	values  []string // what stands for each in a SELECT
	arrays  []string // the same columns as they are unnested, when there are several items
	args    []any
}

// rowsOf begins a statement about the items, at least one. Its first parameter is the tenant; then come the others, then the columns.
func rowsOf[T any](tenant uuid.UUID, items []T, others ...any) *rows[T] {
	return &rows[T]{items: items, args: append([]any{tenant}, others...)}
}

// fill adds a column; kind is its type in Postgres.
func fill[T, V any](r *rows[T], name, kind string, value func(*T) V) {
	if len(r.items) == 1 {
		r.add(name, kind, value(&r.items[0]))
	} else {
		r.add(name, kind, every(r.items, value))
	}
}

// fillWith adds a column with one value for each item.
func fillWith[T, V any](r *rows[T], name, kind string, values []V) {
	if len(r.items) == 1 {
		r.add(name, kind, values[0])
	} else {
		r.add(name, kind, values)
	}
}

// fillPointer adds a column that is NULL where value returns nil.
func fillPointer[T, V any](r *rows[T], name, kind string, value func(*T) *V) {
	for i := range r.items {
		if value(&r.items[i]) != nil {
			fill(r, name, kind, value)
			return
		}
	}
}

// fillBytes adds bytes that are NULL where they are nil.
func fillBytes[T any](r *rows[T], name string, value func(*T) []byte) {
	for i := range r.items {
		if value(&r.items[i]) != nil {
			fill(r, name, "bytea", value)
			return
		}
	}
}

// fillText adds a text that is NULL where it is empty.
func fillText[T any, V ~string](r *rows[T], name string, value func(*T) V) {
	for i := range r.items {
		if value(&r.items[i]) != "" {
			fill(r, name, "text", func(item *T) string { return string(value(item)) })
			r.nullIf("''")
			return
		}
	}
}

// fillNumber adds a bigint that is NULL where it is 0.
func fillNumber[T any](r *rows[T], name string, value func(*T) int64) {
	for i := range r.items {
		if value(&r.items[i]) != 0 {
			fill(r, name, "bigint", value)
			r.nullIf("0")
			return
		}
	}
}

func (r *rows[T]) add(name, kind string, arg any) {
	r.args = append(r.args, arg)
	r.columns = append(r.columns, name)
	parameter := "$" + strconv.Itoa(len(r.args)) + "::" + kind
	if len(r.items) == 1 {
		r.values = append(r.values, parameter)
		return
	}
	r.values = append(r.values, "u."+name)
	r.arrays = append(r.arrays, "unnest("+parameter+"[]) AS "+name)
}

// set adds a column that has the same value, an expression, in every row.
func (r *rows[T]) set(name, expression string) {
	r.columns = append(r.columns, name)
	r.values = append(r.values, expression)
}

// nullIf says what stands for NULL among the values of the column that was added last.
func (r *rows[T]) nullIf(empty string) {
	if last := len(r.values) - 1; len(r.items) > 1 {
		r.values[last] = "nullif(" + r.values[last] + ", " + empty + ")"
	}
}

// from returns a table u of the items behind the word, or "" for a single one, whose values need no table.
func (r *rows[T]) from(word string) string {
	if len(r.items) == 1 {
		return ""
	}
	return word + "(SELECT " + strings.Join(r.arrays, ", ") + ") u"
}

// insert returns the statement that adds a row for each item to the table.
func (r *rows[T]) insert(table string) statement {
	return statement{"INSERT INTO " + table + " (tenant_id, " + strings.Join(r.columns, ", ") + ") SELECT $1::uuid, " +
		strings.Join(r.values, ", ") + r.from(" FROM "), r.args}
}

// every collects one value of every item, as unnest wants them.
func every[T, V any](items []T, value func(*T) V) []V {
	values := make([]V, len(items))
	for i := range items {
		values[i] = value(&items[i])
	}
	return values
}
