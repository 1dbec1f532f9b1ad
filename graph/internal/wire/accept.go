package wire

import (
	"mime"
	"strconv"
	"strings"
)

// The media types of responses.
const (
	typeGraphQL = "application/graphql-response+json"
	typeJSON    = "application/json"
	typeEvents  = "text/event-stream"
)

// negotiate returns which of the offered media types the Accept header prefers: the highest quality wins, then the more exact range,
// then the order of the offer. A missing header takes the first offer. It returns "" when none is acceptable.
func negotiate(accept []string, offers ...string) string {
	header := strings.Join(accept, ",")
	if strings.TrimSpace(header) == "" {
		return offers[0]
	}
	ranges := parseAccept(header)
	best, bestQuality, bestExact := "", 0.0, -1
	for _, offer := range offers {
		quality, exact := qualityOf(offer, ranges)
		if quality > bestQuality || quality == bestQuality && quality > 0 && exact > bestExact {
			best, bestQuality, bestExact = offer, quality, exact
		}
	}
	return best
}

type mediaRange struct {
	name    string
	quality float64
}

func parseAccept(header string) []mediaRange {
	var ranges []mediaRange
	for part := range strings.SplitSeq(header, ",") {
		name, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		if charset, ok := params["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
			continue
		}
		quality := 1.0
		if q, ok := params["q"]; ok {
			if quality, err = strconv.ParseFloat(q, 64); err != nil || quality < 0 || quality > 1 {
				continue
			}
		}
		ranges = append(ranges, mediaRange{name: name, quality: quality})
	}
	return ranges
}

// qualityOf returns the quality that the most exact range gives the media type (RFC 9110, 12.5.1), and how exact that range is.
func qualityOf(media string, ranges []mediaRange) (quality float64, exact int) {
	kind, _, _ := strings.Cut(media, "/")
	exact = -1
	for _, r := range ranges {
		rank := -1
		switch r.name {
		case media:
			rank = 2
		case kind + "/*":
			rank = 1
		case "*/*":
			rank = 0
		}
		if rank > exact {
			quality, exact = r.quality, rank
		}
	}
	return quality, exact
}
