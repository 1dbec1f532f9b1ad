package main

import "fmt"

// costs are what was measured, of one operation.
type costs struct {
	in, out message
	frame   float64 // microseconds of serve
	socket  float64 // KiB
}

// message is what one message costs on its way in or out.
type message struct {
	serve, work, postgres, redis float64 // milliseconds
	wal, stored, rows            float64
}

// demand is what is asked of a fleet.
type demand struct {
	tenants, perHour float64
	inbound          float64 // share
	peak             float64 // times the average
	online           float64 // agents of each tenant, a socket each
	framesIn         float64 // that a message brings to each of its tenant's sockets
	framesOut        float64
	use              float64 // how much of a core may be used
}

func theDemand() demand {
	return demand{tenants: 10_000, perHour: 1_000_000, inbound: 0.5, peak: 3, online: 2, framesIn: 1, framesOut: 3, use: 0.6}
}

// plan says what the fleet needs, each line with its arithmetic.
func (d demand) plan(c costs) [][]string {
	average := d.perHour / 3600
	in, out := average*d.peak*d.inbound, average*d.peak*(1-d.inbound)
	frames := d.online * (in*d.framesIn + out*d.framesOut)
	cores := func(name string, inMs, outMs, frameMs float64) []string {
		used := (in*inMs + out*outMs + frames*frameMs) / 1000
		return []string{"cores for " + name, fmt.Sprintf("(%s in/s × %s ms + %s out/s × %s ms + %s frames/s × %s ms) ÷ 1,000 ÷ %s",
			number(in), number(inMs), number(out), number(outMs), number(frames), number(frameMs), number(d.use)), number(used / d.use)}
	}
	sockets := d.tenants * d.online
	day, month := d.perHour*24, d.perHour*24*30
	mixed := func(in, out float64) float64 { return d.inbound*in + (1-d.inbound)*out }
	wal, stored, rows := mixed(c.in.wal, c.out.wal), mixed(c.in.stored, c.out.stored), mixed(c.in.rows, c.out.rows)
	return [][]string{
		{"messages/s", fmt.Sprintf("%s an hour ÷ 3,600 × %s at the peak", count(int(d.perHour)), number(d.peak)), fmt.Sprintf("%s in, %s out", number(in), number(out))},
		{"frames/s", fmt.Sprintf("%s sockets a tenant × (%s in/s × %s + %s out/s × %s)", number(d.online), number(in), number(d.framesIn), number(out), number(d.framesOut)), number(frames)},
		cores("`serve`", c.in.serve, c.out.serve, c.frame/1000), cores("`work`", c.in.work, c.out.work, 0),
		cores("Postgres", c.in.postgres, c.out.postgres, 0), cores("Redis", c.in.redis, c.out.redis, 0),
		{"memory of sockets", fmt.Sprintf("%s tenants × %s × %s KiB", count(int(d.tenants)), number(d.online), number(c.socket)), number(sockets*c.socket/1024) + " MiB"},
		{"WAL a day", fmt.Sprintf("%s messages × %s bytes", count(int(day)), number(wal)), number(day*wal/1e9) + " GB"},
		{"storage a month", fmt.Sprintf("%s messages × %s bytes, indexes included", count(int(month)), number(stored)), number(month*stored/1e9) + " GB"},
		{"rows a month", fmt.Sprintf("%s messages × %s rows", count(int(month)), number(rows)), number(month*rows/1e9) + " thousand million"},
	}
}
