package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// graphError is an error as the Graph API answers it.
type graphError struct {
	Status    int
	Code      int
	Subcode   int
	Type      string
	Message   string
	Details   string
	Transient bool
	Minutes   int // until messages are taken again
}

// graphFailure returns the error with that code, with Meta's title for it and the status it usually has.
func graphFailure(code int, details string) *graphError {
	e := &graphError{Status: http.StatusBadRequest, Code: code, Type: "OAuthException", Details: details}
	title := map[int]string{
		100: "Invalid parameter", 190: "Error validating access token", 130429: "Rate limit hit", 131000: "Something went wrong", 131016: "Service unavailable",
		131008: "Required parameter is missing", 131009: "Parameter value is not valid", 131021: "Recipient cannot be sender",
		131026: "Message undeliverable", 131047: "Re-engagement message", 131051: "Message type unknown",
		132001: "Template name does not exist in the translation",
	}[code]
	e.Message = fmt.Sprintf("(#%d) %s", code, title)
	switch code {
	case 190:
		e.Status, e.Message = http.StatusUnauthorized, title
	case 130429:
		e.Status = http.StatusTooManyRequests
	case 131000:
		e.Status = http.StatusInternalServerError
	case 132001:
		e.Status = http.StatusNotFound
	}
	return e
}

// faultFailure returns the error that a fault of the answer leads to, or nil.
func faultFailure(f Fault) *graphError {
	switch f.Kind {
	case "rate_limited":
		e := graphFailure(130429, "Message failed to send because there were too many messages sent from this phone number in a short period of time")
		e.Minutes = max(1, f.Minutes)
		return e
	case "server_error":
		e := graphFailure(131000, "Message failed to send due to an unknown error.")
		e.Transient = true
		return e
	case "window_closed":
		return graphFailure(131047, "Message failed to send because more than 24 hours have passed since the customer last replied to this number.")
	case "invalid_recipient":
		return graphFailure(131026, "Message undeliverable")
	case "template_missing":
		return graphFailure(132001, "The template does not exist in this language")
	case "auth":
		return graphFailure(190, "")
	}
	return nil
}

// write answers with the error.
func (e *graphError) write(w http.ResponseWriter) {
	body := map[string]any{"message": e.Message, "type": e.Type, "code": e.Code, "fbtrace_id": newID("A")}
	if e.Subcode != 0 {
		body["error_subcode"] = e.Subcode
	}
	if e.Transient {
		body["is_transient"] = true
	}
	if e.Details != "" {
		body["error_data"] = map[string]string{"messaging_product": "whatsapp", "details": e.Details}
	}
	if e.Minutes > 0 {
		usage, _ := json.Marshal(map[string]any{"0": []map[string]any{{"type": "whatsapp", "call_count": 100, "total_cputime": 10,
			"total_time": 12, "estimated_time_to_regain_access": e.Minutes}}}) // plain values always marshal
		w.Header().Set("X-Business-Use-Case-Usage", string(usage))
	}
	writeJSON(w, e.Status, map[string]any{"error": body})
}

// writeJSON answers with v.
func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller may be gone
}
