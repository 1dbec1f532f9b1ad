package wire

import "github.com/gorilla/websocket"

// closing is why a socket ends: a close code and a text of at most 123 bytes. The codes of 4400 to 4429 are those of the protocol.
type closing struct {
	code   int
	reason string
}

// What ends a socket. Clients of the protocol reconnect after 1001, 1013, 4403 and 4408 and give up after the others.
func closeRestart() closing {
	return closing{websocket.CloseGoingAway, "restart: reconnect and resume"}
}
func closeBusy() closing {
	return closing{websocket.CloseTryAgainLater, "not available now: try again"}
}
func closeInternal() closing { return closing{websocket.CloseInternalServerErr, "internal error"} }
func closeBadRequest(reason string) closing {
	return closing{4400, reason}
}
func closeUnauthorized() closing { return closing{4401, "Unauthorized"} }
func closeForbidden() closing    { return closing{4403, "Forbidden"} }
func closeExpired() closing {
	return closing{4403, "Forbidden: the credential has expired, reconnect with a new one"}
}
func closeSubprotocol() closing { return closing{4406, "Subprotocol not acceptable"} }
func closeInitTimeout() closing { return closing{4408, "Connection initialisation timeout"} }
func closeTooSlow() closing {
	return closing{4408, "too slow: messages waited too long for their reader"}
}
func closeDuplicate(id string) closing {
	return closing{4409, "Subscriber for " + shorten(id, 60) + " already exists"}
}
func closeTooManyInits() closing { return closing{4429, "Too many initialisation requests"} }
func closeTooMany(what string) closing {
	return closing{4429, "Too many " + what}
}

// shorten keeps a reason within what a close frame holds, without cutting a character in two.
func shorten(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && text[most]&0xC0 == 0x80 {
		most--
	}
	return text[:most] + "…"
}
