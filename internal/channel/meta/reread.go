package meta

import (
	"github.com/switchboard-inbox/switchboard/internal/channel"
)

var _ channel.Rereader = (*Provider)(nil)

// Reread reads an item's bytes again as Receive kept them. What it could not read whole the first time (an entry, a change) may hold
// several items.
func (p *Provider) Reread(raw []byte) []channel.Item {
	read, _ := channel.ReadJSON(raw) // none is no object
	kept, err := object(read)
	if err != nil {
		return []channel.Item{quarantined("", raw, reasonOf(err))}
	}
	switch {
	case kept["object"] != nil:
		items, err := p.split(read)
		if err != nil {
			return []channel.Item{quarantined("", raw, reasonOf(err))}
		}
		return items
	case kept["changes"] != nil:
		return p.entry(read)
	case kept["field"] != nil:
		return p.change(nil, read)
	}
	value := map[string]channel.JSON{}
	for name, v := range kept {
		switch name {
		case "message", "status", "contact":
			value[name+listSuffix(name)] = listOf(v)
		case "item": // one whose reading failed unexpectedly: what it is shows in its members
			value[listOfItem(v)] = listOf(v)
		default:
			value[name] = v
		}
	}
	s, err := newScope(value, len(raw))
	if err != nil {
		return []channel.Item{quarantined("", raw, reasonOf(err))}
	}
	items := p.value(s, value)
	if s.room.full() {
		return []channel.Item{quarantined(s.account, raw, "its items would hold far more than it does")}
	}
	return items
}

func listSuffix(name string) string {
	if name == "status" {
		return "es"
	}
	return "s"
}

// listOfItem tells a receipt from a message.
func listOfItem(raw channel.JSON) string {
	if members, err := object(raw); err == nil && members["status"] != nil && members["type"] == nil {
		return "statuses"
	}
	return "messages"
}

func listOf(raw channel.JSON) channel.JSON {
	out := make(channel.JSON, 0, len(raw)+2)
	out = append(out, '[')
	out = append(out, raw...)
	return append(out, ']')
}
