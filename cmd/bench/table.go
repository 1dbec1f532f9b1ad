package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

func (b *bench) print(w io.Writer, took time.Duration) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "id\tmeasure\tours\tbeside\t\tratio\tgoal\treached")
	for _, r := range b.rows {
		beside, reached := "", "no"
		if r.Beside != 0 {
			beside = fmt.Sprintf("%s %s", number(r.Beside), r.Unit)
		}
		if r.OK {
			reached = "yes"
		}
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s %s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.What, number(r.Ours), r.Unit, beside, r.Name, number(r.Ratio), r.Goal, reached)
	}
	_ = t.Flush()
	b.printCPU(w)
	_, _ = fmt.Fprintf(w, "\n%d rounds, %s in all\n", b.options.rounds, took.Round(time.Second))
}

func number(f float64) string {
	if f >= 100 {
		return fmt.Sprintf("%.0f", f)
	}
	return fmt.Sprintf("%.3g", f)
}

// printCPU prints what an operation costs: steadier than a rate where others use the machine too.
func (b *bench) printCPU(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(t, "\nid\tCPU ms an operation\tours\tprocess\tpostgres\tredis\tbeside\tprocess\tpostgres\tredis\tbeside : ours")
	for _, r := range b.rows {
		if r.CPU == nil {
			continue
		}
		ours, beside := r.CPU.Ours, r.CPU.Beside
		_, _ = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", r.ID, r.What, number(ours.all()), number(ours.App),
			number(ours.Postgres), number(ours.Redis), number(beside.all()), number(beside.App), number(beside.Postgres), number(beside.Redis),
			number(beside.all()/ours.all()))
	}
	_ = t.Flush()
}
